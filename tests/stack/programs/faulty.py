"""Does with messages what should not be done, each thing once: `faulty.py KAFKA RABBITMQ TOPIC`."""

import sys

import pika
import pyee
import zmq
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

import otel_eda

kafka, rabbitmq, topic = sys.argv[1:]
place = TopicPartition(topic, 0)
producer = KafkaProducer(bootstrap_servers=kafka)
consumer = KafkaConsumer(
    bootstrap_servers=kafka, group_id="faulty", enable_auto_commit=False, auto_offset_reset="earliest"
)


def work(offset, fails=False):
    """Process one message."""
    consumer.seek(place, offset)
    try:
        for message in consumer:
            if fails:
                raise ValueError(message.offset)
            break
    except ValueError:
        pass


def commit(offset):
    """Have the group go on there."""
    consumer.commit({place: OffsetAndMetadata(offset, "", -1)})


for number in range(4):
    producer.send(topic, b"%d" % number, key=b"one")
producer.flush()
consumer.assign([place])
work(0, fails=True)
work(1)
commit(2)  # skips 0
work(0)  # redelivered, recovered
work(1)  # reprocessed
commit(1)  # goes back
consumer.seek(place, 2)
earlier, later = consumer.poll(10_000)[place]
with otel_eda.process(later):
    pass
with otel_eda.process(earlier):  # out of order
    pass
consumer.seek(place, 2)  # the last two wait again, until the end
producer.send(f"{topic}-retry", b"").get(10)
producer.send(f"{topic}-dlq", b"").get(10)
try:
    producer.send(topic, bytes(2_000_000)).get(10)
except Exception as error:
    print(type(error).__name__)
emitter = pyee.EventEmitter()
emitter.on("heard", lambda: None)
emitter.emit("heard")
emitter.emit("unheard")
with zmq.Context() as context, context.socket(zmq.PUB) as sender, context.socket(zmq.SUB) as receiver:
    for socket in sender, receiver:
        socket.set_hwm(1)
    sender.bind("inproc://news")
    receiver.subscribe(b"")
    receiver.connect("inproc://news")
    for _ in range(10):
        sender.send(b"")
    while receiver.poll(100):
        receiver.recv()
    sender.send(b"")  # what was dropped before is missed now
    receiver.recv()
host, _, port = rabbitmq.rpartition(":")
with pika.BlockingConnection(pika.ConnectionParameters(host, int(port))) as connection:
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    for settle in channel.basic_ack, channel.basic_reject:
        channel.basic_publish("", queue, b"")
        while (delivered := channel.basic_get(queue)[0]) is None:
            pass
        settle(delivered.delivery_tag, False)  # not several; not again
    channel.confirm_delivery()
    try:
        channel.basic_publish("", "nowhere", b"", mandatory=True)
    except pika.exceptions.UnroutableError as error:
        print(type(error).__name__)
    print("done", flush=True)
    input()
producer.close()
consumer.close()
