#!/usr/bin/env python3
# gRPC (C core): max_connection_age 1 s, grace 0.5 s. Quick calls on an idle channel; and a stream that outlives the grace.
# idle: cause max-age, in flight 0 (whoever closes first); stream: premature-hangup, in flight 1, cause max-age.
import grpc, time, threading
from concurrent import futures
class H(grpc.GenericRpcHandler):
    def service(self, d):
        def g(r, c):
            yield b'first'
            time.sleep(8); yield b'last'
        return grpc.unary_stream_rpc_method_handler(g) if d.method == '/s/Stream' else grpc.unary_unary_rpc_method_handler(lambda r, c: b'ok')
s = grpc.server(futures.ThreadPoolExecutor(20), options=[('grpc.max_connection_age_ms', 1000), ('grpc.max_connection_age_grace_ms', 500)])
s.add_generic_rpc_handlers((H(),)); s.add_insecure_port('127.0.0.1:32108'); s.start()
def run(stream):
    ch = grpc.insecure_channel('127.0.0.1:32108', options=[('grpc.use_local_subchannel_pool', 1)])
    try:
        if stream: list(ch.unary_stream('/s/Stream')(b''))
        else: ch.unary_unary('/s/Quick')(b''); time.sleep(2.5)
    except grpc.RpcError as e: print(e.code(), e.details())
ts = [threading.Thread(target=run, args=(i % 2,)) for i in range(6)]
for t in ts: t.start(); time.sleep(.2)
[t.join() for t in ts]; s.stop(None)
