"""One message, sent and read by each of the clients."""

from __future__ import annotations

import asyncio


def kafka_python(address: str, topic: str) -> bytes:
    from kafka import KafkaConsumer, KafkaProducer, TopicPartition

    producer = KafkaProducer(bootstrap_servers=address)
    sent = producer.send(topic, b"hello").get(30)
    consumer = KafkaConsumer(bootstrap_servers=address, consumer_timeout_ms=10_000)
    consumer.assign([partition := TopicPartition(topic, 0)])
    consumer.seek(partition, sent.offset)
    value = b"nothing"
    for received in consumer:
        value = received.value
        break
    consumer.close()
    producer.close()
    return value


def confluent_kafka(address: str, topic: str) -> bytes:
    from confluent_kafka import Consumer, Producer, TopicPartition

    offsets: list[int] = []
    producer = Producer({"bootstrap.servers": address})
    producer.produce(topic, b"hello", on_delivery=lambda _, message: offsets.append(message.offset()))
    producer.flush(30)
    consumer = Consumer({"bootstrap.servers": address, "group.id": topic, "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, 0, offsets[0])])
    received = consumer.poll(10)
    consumer.close()
    return received.value() if received is not None else b"nothing"


def aiokafka(address: str, topic: str) -> bytes:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

    async def main() -> bytes:
        async with AIOKafkaProducer(bootstrap_servers=address) as producer:
            sent = await producer.send_and_wait(topic, b"hello")
        consumer = AIOKafkaConsumer(bootstrap_servers=address, group_id=None)
        await consumer.start()
        consumer.assign([partition := TopicPartition(topic, 0)])
        consumer.seek(partition, sent.offset)
        value = b"nothing"
        async for received in consumer:
            value = received.value
            break
        await consumer.stop()
        return value

    return asyncio.run(main())


def pika(address: str, queue: str) -> bytes:
    import pika

    connection = pika.BlockingConnection(pika.URLParameters(f"amqp://guest:guest@{address}/"))
    channel = connection.channel()
    values: list[bytes] = []

    def receive(channel: object, method: object, properties: object, body: bytes) -> None:
        values.append(body)

    channel.basic_publish("", queue, b"hello")
    channel.basic_consume(queue, receive, auto_ack=True)
    while not values:
        connection.process_data_events(10)
    connection.close()
    return values[0]


def aio_pika(address: str, queue: str) -> bytes:
    import aio_pika

    async def main() -> bytes:
        values: asyncio.Queue[bytes] = asyncio.Queue()

        async def receive(message: aio_pika.abc.AbstractIncomingMessage) -> None:
            values.put_nowait(message.body)

        async with await aio_pika.connect(f"amqp://guest:guest@{address}/") as connection:
            channel = await connection.channel()
            await channel.default_exchange.publish(aio_pika.Message(b"hello"), queue)
            await (await channel.get_queue(queue)).consume(receive, no_ack=True)
            return await asyncio.wait_for(values.get(), 10)

    return asyncio.run(main())
