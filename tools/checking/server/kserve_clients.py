"""The clients of the kserve SDK against a running evssmd, over REST and gRPC.

python3 kserve_clients.py EVSSMD EVSSM PLAN        (in an environment with kserve)
"""

import asyncio
import sys

import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig
from running import Checks, Server, evssm_run, floats

check = Checks()


def request(name, array, binary):
    tensor = InferInput("input", list(array.shape), "FP32")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return InferRequest(
        model_name=name, infer_inputs=[tensor], request_id="k1", parameters={"binary_data_output": binary}
    )


async def rest(server, name, array, expected):
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0, timeout=60))
    base = f"http://{server.address}"
    check(await client.is_server_live(base), "kserve: live")
    check(await client.is_server_ready(base), "kserve: ready")
    check(await client.is_model_ready(base, name), "kserve: model ready")
    for binary in (False, True):
        reply = await client.infer(base, request(name, array, binary), model_name=name)
        check(reply.outputs[0].as_numpy().astype(np.float32).tobytes() == expected, f"kserve: infer, binary {binary}")
        check(reply.id == "k1", "kserve: id")
    try:
        await client.infer(base, request("nothing", array, False), model_name="nothing")
        check(False, "kserve: unknown model", "it was accepted")
    except Exception as error:  # noqa: BLE001 – the SDK raises its HTTP library's errors
        check("404" in str(error), "kserve: unknown model", error)


async def grpc(server, name, array, expected):
    client = InferenceGRPCClient(url=server.grpc_address, timeout=60)
    check(await client.is_server_live(), "kserve grpc: live")
    check(await client.is_server_ready(), "kserve grpc: ready")
    check(await client.is_model_ready(name), "kserve grpc: model ready")
    reply = await client.infer(request(name, array, True))
    check(reply.outputs[0].as_numpy().astype(np.float32).tobytes() == expected, "kserve grpc: infer")
    await client.close()


def main():
    evssmd, evssm, plan = sys.argv[1:4]
    data = floats(45, 70, 3)
    array = np.frombuffer(data, np.float32).reshape(1, 3, 45, 70)
    expected = evssm_run(evssm, plan, data, 45, 70)
    name = plan.rsplit("/", 1)[-1].removesuffix(".plan")
    with Server(evssmd, plan, "--log-level", "notice") as server:
        asyncio.run(rest(server, name, array, expected))
        asyncio.run(grpc(server, name, array, expected))
        check(server.stop() == 0, "the server ends in order")
    check.finish()


if __name__ == "__main__":
    main()
