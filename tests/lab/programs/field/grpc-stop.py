#!/usr/bin/env python3
"""gRPC's C core: 12 clients stream from a server that is told to stop, with a grace of 0.5 s: all RPCs fail. Other processes keep the
processors busy meanwhile. PORT"""
import os, signal, subprocess, sys, threading, time
from concurrent import futures
import grpc

port = int(sys.argv[1])


def serve():
    def answers(asked, _context):
        for _ in range(60):
            yield asked
            time.sleep(0.1)

    class Handler(grpc.GenericRpcHandler):
        def service(self, _details):
            return grpc.unary_stream_rpc_method_handler(answers)

    server = grpc.server(futures.ThreadPoolExecutor(20), handlers=(Handler(),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    server.start()
    stopped.wait()
    server.stop(0.5).wait()


def listens():
    lines = [line.split() for table in ("tcp", "tcp6") for line in open(f"/proc/net/{table}")]
    return any(line[1].endswith(f":{port:04X}") and line[3] == "0A" for line in lines)


failed, taken = [], threading.Semaphore(0)


def ask():
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)])
    try:
        for count, _ in enumerate(channel.unary_stream("/a/b")(b"x")):
            if count == 2:
                taken.release()
    except grpc.RpcError as error:
        failed.append(error.code().name)
    time.sleep(0.6)
    channel.close()


if sys.argv[2:] == ["serve"]:
    serve()
    sys.exit()
server = subprocess.Popen([sys.executable, __file__, str(port), "serve"])
while not listens():
    time.sleep(0.05)
asking = [threading.Thread(target=ask) for _ in range(12)]
[one.start() for one in asking]
[taken.acquire() for _ in asking]
busy = [subprocess.Popen([sys.executable, "-c", "while 1: pass"]) for _ in range(os.cpu_count())]
server.terminate()
[one.join() for one in asking]
server.wait()
for one in busy:
    one.kill()
    one.wait()
assert len(failed) == 12, failed
