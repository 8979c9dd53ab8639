# python client_grpc.py MODE HOST:PORT TARGET GIVE_UP_MS
import sys
import time

import grpc

mode, server, target, limit = sys.argv[1:]
limit = int(limit) / 1000 or None
options = [("grpc.client_idle_timeout_ms", 1000)] if mode == "pool-timer" else []
channel = grpc.insecure_channel(server, options=options)


def stall():
    yield b"hi"
    time.sleep(60)


try:
    if mode in ("upload", "upload-chunked"):
        channel.stream_unary(target)(stall())
    elif mode == "pipeline":
        call = channel.unary_unary(target)
        for pending in [call.future(b"hi") for _ in range(2)]:
            pending.result(timeout=60)
    elif mode == "get":
        list(channel.unary_stream(target)(b"hi"))
    else:
        channel.unary_unary(target)(b"hi")
except grpc.RpcError as error:
    print(error.code())
if mode == "exit":
    time.sleep(0.3)
    channel.close()
    sys.exit()
time.sleep(60)
