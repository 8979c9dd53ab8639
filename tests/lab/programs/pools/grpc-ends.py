#!/usr/bin/env python3
# pip: grpcio. argv: how the server ends its connections, its port. Eight channels with a call answered on each, then idle.
import sys, threading, time
from concurrent import futures
import grpc

HOW, PORT = sys.argv[1], int(sys.argv[2])
OPTIONS = {
    "max_idle": [("grpc.max_connection_idle_ms", 1200)],
    "max_age": [("grpc.max_connection_age_ms", 1500), ("grpc.max_connection_age_grace_ms", 1000)],
    "stop": [],
}


class Handler(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"ok")


server = grpc.server(futures.ThreadPoolExecutor(8), options=OPTIONS[HOW])
server.add_generic_rpc_handlers((Handler(),))
server.add_insecure_port(f"127.0.0.1:{PORT}")
server.start()
stopped = threading.Event()


def channel(number):
    time.sleep(0.11 * number)
    with grpc.insecure_channel(f"127.0.0.1:{PORT}", options=[("grpc.use_local_subchannel_pool", 1)]) as one:
        one.unary_unary("/s/Ask")(b"")
        stopped.wait()


threads = [threading.Thread(target=channel, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
# A timer that is looked at now and then, and its grace.
time.sleep(5 if HOW != "stop" else 1.5)
if HOW == "stop":
    server.stop(2).wait()
    time.sleep(0.5)
stopped.set()
for thread in threads:
    thread.join()
server.stop(None)
