#!/usr/bin/env python3
"""A client of the kubelet's interface to container runtimes (k8s.io/cri-api, runtime/v1/api.proto), as far as a play needs it.
 cri.py pod NAME NAMESPACE UID PARENT        makes a pod with a network namespace of its own, prints its id
 cri.py start SANDBOX ATTEMPT NAME COMMAND   starts a container in it, prints its id
 cri.py stop CONTAINER | remove SANDBOX
The messages are written by hand: field numbers are those of the interface."""
import json, os, sys, time
import grpc

STATE = "pods.json"


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def message(**fields):
    """Fields by number: `_1=...`; numbers, texts, messages, lists and dictionaries of texts."""
    out = b""
    for name, value in fields.items():
        number = int(name[1:])
        if isinstance(value, dict):
            value = [message(_1=key, _2=text) for key, text in value.items()]
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, int):
                out += varint(number << 3) + varint(one)
            else:
                one = one.encode() if isinstance(one, str) else one
                out += varint(number << 3 | 2) + varint(len(one)) + one
    return out


def text_of_first_field(answer):
    if not answer or answer[0] != 1 << 3 | 2:
        return ""
    length, at = 0, 1
    for shift in range(0, 35, 7):
        length |= (answer[at] & 127) << shift
        at += 1
        if answer[at - 1] < 128:
            break
    return answer[at : at + length].decode()


def call(method, request):
    channel = grpc.insecure_channel("unix://" + os.environ["CONTAINERD_ADDRESS"])
    ask = channel.unary_unary(f"/runtime.v1.RuntimeService/{method}")
    for attempt in range(200):
        try:
            return ask(request, timeout=60, wait_for_ready=True)
        except grpc.RpcError as error:
            # The socket answers before the plugin does.
            if error.code() != grpc.StatusCode.UNIMPLEMENTED or attempt == 199:
                raise
            time.sleep(0.05)


OWN_NETWORK = message(_1=message(_1=0, _2=1, _3=0))


def pod_config(name, namespace, uid, parent):
    return message(
        _1=message(_1=name, _2=uid, _3=namespace, _4=0),
        _2=name,
        _3=f"/var/log/pods/{namespace}_{name}_{uid}",
        _6={"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace, "io.kubernetes.pod.uid": uid},
        _8=message(_1=parent, _2=OWN_NETWORK),
    )


def start(sandbox, attempt, name, command, pods):
    def mount(path, of=None):
        return message(_1=path, _2=of or path, _3=1)

    config = message(
        _1=message(_1=name, _2=int(attempt)),
        _2=message(_1="localhost/whohungup/lab:latest"),
        _3=["/bin/sh", "-c", command],
        _7=[mount("/usr"), mount("/lib"), mount("/lib64"), mount("/lab", os.path.dirname(os.path.abspath(__file__)))],
        _9={"io.kubernetes.container.name": name},
        _11=f"{name}/{attempt}.log",
        _15=message(_2=message(_3=OWN_NETWORK[2:])),
    )
    made = call("CreateContainer", message(_1=sandbox, _2=config, _3=pod_config(*pods[sandbox])))
    container = text_of_first_field(made)
    call("StartContainer", message(_1=container))
    return container


def main(verb, *arguments):
    pods = json.load(open(STATE)) if os.path.exists(STATE) else {}
    if verb == "pod":
        sandbox = text_of_first_field(call("RunPodSandbox", message(_1=pod_config(*arguments))))
        pods[sandbox] = arguments
        json.dump(pods, open(STATE, "w"))
        print(sandbox)
    elif verb == "start":
        print(start(*arguments, pods))
    elif verb == "stop":
        call("StopContainer", message(_1=arguments[0], _2=0))
    elif verb == "remove":
        call("StopPodSandbox", message(_1=arguments[0]))
        call("RemovePodSandbox", message(_1=arguments[0]))


if __name__ == "__main__":
    main(*sys.argv[1:])
