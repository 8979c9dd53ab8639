# python server_grpc.py HOST PORT HASTY
import sys
import time
from concurrent import futures

import grpc

host, port, hasty = sys.argv[1:]


def fast(request, context):
    return b"hi"


def sleep(request, context):
    time.sleep(60)


def slow(request, context):
    yield b"hi"
    time.sleep(60)


def upload(requests, context):
    for _ in requests:
        pass
    return b"hi"


handlers = {
    "fast": grpc.unary_unary_rpc_method_handler(fast),
    "sleep": grpc.unary_unary_rpc_method_handler(sleep),
    "slow": grpc.unary_stream_rpc_method_handler(slow),
    "upload": grpc.stream_unary_rpc_method_handler(upload),
}
options = [("grpc.so_reuseport", 0)]
if hasty == "1":
    options += [("grpc.max_connection_idle_ms", 600), ("grpc.server_handshake_timeout_ms", 600)]
server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=options)
server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("lab", handlers),))
server.add_insecure_port(f"{host}:{port}")
server.start()
server.wait_for_termination()
