"""Sends numbers to a topic: `shop.py BROKER TOPIC COUNT`."""

import sys

from kafka import KafkaProducer

broker, topic, count = sys.argv[1:]
producer = KafkaProducer(bootstrap_servers=broker)
for number in range(int(count)):
    producer.send(topic, b"%d" % number)
producer.close()
