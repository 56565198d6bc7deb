"""The road of a city without any logic: MQTT → bridge → topic → relay → topic, each a process of its own.

The clients are used as Carebell uses them: acks=all, no linger, an acknowledgement to MQTT when Kafka has the message. Each
part says `ready` on its standard output, and ends when its standard input does.
"""

import argparse
import asyncio

import paho.mqtt.client as paho
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.support.sink import say_ready, until_told

_AT_ONCE = 500
_RECEIVE_MAXIMUM = 1000


def _producer(bootstrap: str) -> AIOKafkaProducer:
    return AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0, max_batch_size=262_144)


async def bridge(bootstrap: str, port: int, subscription: str, topic: str) -> None:
    """Acknowledged in order of receipt, a batch at a time."""
    loop, came = asyncio.get_running_loop(), asyncio.Event()
    waiting: list[paho.MQTTMessage] = []
    async with _producer(bootstrap) as producer:
        client = paho.Client(CallbackAPIVersion.VERSION2, "bare-bridge", protocol=paho.MQTTv5, manual_ack=True)
        client.on_connect = lambda *_: client.subscribe(subscription, 1)
        client.on_subscribe = lambda *_: say_ready()
        client.on_message = lambda _client, _data, message: (waiting.append(message), came.set())
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval, properties.ReceiveMaximum = 3600, _RECEIVE_MAXIMUM
        client.connect("127.0.0.1", port, clean_start=False, properties=properties)
        _drive(client, loop)
        while True:
            await came.wait()
            came.clear()
            while waiting:
                batch = waiting[:_AT_ONCE]
                del waiting[:_AT_ONCE]
                sending = [await producer.send(topic, one.payload, key=one.topic.encode()) for one in batch]
                await asyncio.gather(*sending)
                for one in batch:
                    client.ack(one.mid, one.qos)


def _drive(client: paho.Client, loop: asyncio.AbstractEventLoop) -> None:
    """By the event loop's own callbacks: cheaper than paho's thread."""
    sock = client.socket()
    loop.add_reader(sock, client.loop_read)
    client.on_socket_register_write = lambda *_: loop.add_writer(sock, client.loop_write)
    client.on_socket_unregister_write = lambda *_: loop.remove_writer(sock)
    if client.want_write():
        client.loop_write()


async def relay(bootstrap: str, group: str, topic: str, to_topic: str) -> None:
    """From one topic to another, committed when it is there."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    async with _producer(bootstrap) as producer, consumer:
        say_ready()
        while True:
            batches = await consumer.getmany(timeout_ms=1000, max_records=_AT_ONCE)
            sending = [
                await producer.send(to_topic, one.value, key=one.key) for batch in batches.values() for one in batch
            ]
            if sending:
                await asyncio.gather(*sending)
                await consumer.commit()


def main() -> None:
    """As the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("part", choices=("bridge", "relay"))
    parser.add_argument("--kafka", required=True)
    parser.add_argument("--mqtt-port", type=int)
    parser.add_argument("--subscription")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--to-topic")
    parser.add_argument("--group")
    options = parser.parse_args()
    if options.part == "bridge":
        work = bridge(options.kafka, options.mqtt_port, options.subscription, options.topic)
    else:
        work = relay(options.kafka, options.group, options.topic, options.to_topic)
    asyncio.run(until_told(work))


if __name__ == "__main__":
    main()
