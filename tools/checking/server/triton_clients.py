"""tritonclient[http] and tritonclient[grpc] against a running evssmd: health, metadata, inference with JSON and binary
tensors, gzip, errors, statistics, the repository. Outputs must be those of `evssm run`, bit for bit.

    python3 triton_clients.py EVSSMD EVSSM PLAN        (in an environment with tritonclient[http,grpc])
"""

import os
import shutil
import sys
import tempfile

import grpc as grpc_core
import numpy as np
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http
from running import Checks, Server, evssm_run, floats, swallow_all, wait_until
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

check = Checks()
SIZES = [(24, 32), (45, 70), (64, 64)]


def refused(name, body, *needles):
    try:
        body()
    except InferenceServerException as error:
        text = str(error)
        check(all(needle in text for needle in needles), name, text)
        return
    check(False, name, "it was accepted")


def tensors(module, array, **options):
    tensor = module.InferInput("input", list(array.shape), "FP32")
    tensor.set_data_from_numpy(array, **options)
    return [tensor]


def common(name, client, module, cases, model="a"):
    check(client.is_server_live(), f"{name}: live")
    check(client.is_server_ready(), f"{name}: ready")
    check(client.is_model_ready(model), f"{name}: model ready")
    check(client.is_model_ready(model, "1"), f"{name}: version ready")
    for array, expected in cases:
        result = client.infer(model, tensors(module, array), request_id="42", model_version="1")
        check(result.as_numpy("output").tobytes() == expected, f"{name}: {array.shape}")
        outputs = [module.InferRequestedOutput("output")]
        result = client.infer(model, tensors(module, array), outputs=outputs, priority=1, timeout=60_000_000)
        check(result.as_numpy("output").tobytes() == expected, f"{name}: {array.shape}, outputs, priority, timeout")
        check(result.as_numpy("output").shape == array.shape, f"{name}: the shape comes back")
    array = cases[0][0]
    refused(f"{name}: unknown model", lambda: client.infer("nothing", tensors(module, array)), "nothing")
    refused(f"{name}: unknown version", lambda: client.infer(model, tensors(module, array), model_version="9"), "9")
    refused(
        f"{name}: shape", lambda: client.infer(model, tensors(module, np.zeros((1, 4, 32, 32), np.float32))), "shape"
    )
    refused(f"{name}: too small", lambda: client.infer(model, tensors(module, np.zeros((1, 3, 4, 4), np.float32))))
    refused(
        f"{name}: output",
        lambda: client.infer(model, tensors(module, array), outputs=[module.InferRequestedOutput("x")]),
        "x",
    )
    refused(
        f"{name}: deadline",
        lambda: client.infer(model, tensors(module, np.zeros((1, 3, 512, 512), np.float32)), timeout=1000),
    )
    wrong = module.InferInput("input", [1, 3, 32, 32], "INT32")
    wrong.set_data_from_numpy(np.zeros((1, 3, 32, 32), np.int32))
    refused(f"{name}: datatype", lambda: client.infer(model, [wrong]), "INT32")


def http(server, cases):
    with triton_http.InferenceServerClient(server.address, concurrency=2) as client:
        common("http", client, triton_http, cases)
        metadata = client.get_server_metadata()
        check(
            metadata["name"] == "evssmd" and "binary_tensor_data" in metadata["extensions"],
            "http: server metadata",
            metadata,
        )
        metadata = client.get_model_metadata("a")
        check(
            metadata["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [1, 3, -1, -1]}],
            "http: metadata",
            metadata,
        )
        check(metadata["versions"] == ["1", "2"], "http: versions", metadata)
        check(client.get_model_config("a")["name"] == "a", "http: configuration")
        for array, expected in cases:
            json_out = [triton_http.InferRequestedOutput("output", binary_data=False)]
            result = client.infer("a", tensors(triton_http, array, binary_data=False), outputs=json_out, request_id="7")
            check(result.as_numpy("output").astype(np.float32).tobytes() == expected, f"http: JSON {array.shape}")
            check(result.get_response()["id"] == "7", "http: the id comes back")
            for how in ("gzip", "deflate"):
                result = client.infer(
                    "a",
                    tensors(triton_http, array, binary_data=False),
                    outputs=json_out,
                    request_compression_algorithm=how,
                    response_compression_algorithm=how,
                )
                check(result.as_numpy("output").astype(np.float32).tobytes() == expected, f"http: {how} {array.shape}")
                result = client.infer("a", tensors(triton_http, array), request_compression_algorithm=how)
                check(result.as_numpy("output").tobytes() == expected, f"http: {how}, binary {array.shape}")
            result = client.async_infer("a", tensors(triton_http, array)).get_result()
            check(result.as_numpy("output").tobytes() == expected, f"http: async {array.shape}")
        figures = client.get_inference_statistics("a", "2")["model_stats"]
        check(len(figures) == 1 and figures[0]["inference_stats"]["success"]["count"] > 0, "http: statistics", figures)
        check(len(client.get_inference_statistics()["model_stats"]) == 3, "http: all statistics")
        client.unload_model("b")
        check(not client.is_model_ready("b"), "http: unloaded")
        refused("http: an unloaded model", lambda: client.infer("b", tensors(triton_http, cases[0][0])), "b")
        check({entry["name"] for entry in client.get_model_repository_index()} == {"a", "b"}, "http: index")
        client.load_model("b")
        check(client.is_model_ready("b"), "http: loaded")
        refused("http: load nothing", lambda: client.load_model("nothing"), "nothing")


def grpc(server, cases):
    with triton_grpc.InferenceServerClient(server.grpc_address) as client:
        common("grpc", client, triton_grpc, cases)
        metadata = client.get_server_metadata()
        check(metadata.name == "evssmd" and "statistics" in metadata.extensions, "grpc: server metadata", metadata)
        metadata = client.get_model_metadata("a", as_json=True)
        check(metadata["inputs"][0]["shape"] == ["1", "3", "-1", "-1"], "grpc: metadata", metadata)
        for array, expected in cases:
            for how in ("gzip", "deflate"):
                result = client.infer("a", tensors(triton_grpc, array), compression_algorithm=how)
                check(result.as_numpy("output").tobytes() == expected, f"grpc: {how} {array.shape}")
            result = client.infer("a", tensors(triton_grpc, array), client_timeout=60)
            check(result.as_numpy("output").tobytes() == expected, f"grpc: with a deadline {array.shape}")
        large = np.zeros((1, 3, 720, 1280), np.float32)
        refused(
            "grpc: a deadline that passes",
            lambda: client.infer("a", tensors(triton_grpc, large), client_timeout=0.05),
            "eadline",
        )
        figures = client.get_inference_statistics("a", "2").model_stats
        check(len(figures) == 1 and figures[0].inference_stats.success.count > 0, "grpc: statistics", figures)
        client.unload_model("b")
        check(not client.is_model_ready("b"), "grpc: unloaded")
        client.load_model("b")
        check(client.is_model_ready("b"), "grpc: loaded")
        check({entry.name for entry in client.get_model_repository_index().models} == {"a", "b"}, "grpc: index")
        refused("grpc: load nothing", lambda: client.load_model("nothing"), "nothing")


def typed(server, array, expected):
    """Values in fp32_contents, and mixtures that are refused; health as gRPC itself has it."""
    import grpc

    with grpc.insecure_channel(server.grpc_address) as channel:
        call = channel.unary_unary(
            "/inference.GRPCInferenceService/ModelInfer",
            service_pb2.ModelInferRequest.SerializeToString,
            service_pb2.ModelInferResponse.FromString,
        )

        def request(raw=(), contents=()):
            out = service_pb2.ModelInferRequest(model_name="a")
            tensor = out.inputs.add(name="input", datatype="FP32", shape=array.shape)
            tensor.contents.fp32_contents.extend(contents)
            out.raw_input_contents.extend(raw)
            return out

        values = array.ravel().tolist()
        reply = call(request(contents=values))
        check(reply.raw_output_contents[0] == expected, "grpc: typed contents")
        for name, bad in [
            ("both", request([array.tobytes()], values)),
            ("two raw", request([array.tobytes()] * 2)),
            ("none", request()),
            ("short", request([array.tobytes()[:-4]])),
            ("odd", request([array.tobytes()[:-1]])),
        ]:
            try:
                call(bad)
                check(False, f"grpc: {name}", "it was accepted")
            except grpc.RpcError as error:
                check(error.code() == grpc.StatusCode.INVALID_ARGUMENT, f"grpc: {name}", error.code())
        health = channel.unary_unary("/grpc.health.v1.Health/Check")
        check(health(b"") == b"\x08\x01", "grpc: health")
        check(health(b"\x0a\x01a") == b"\x08\x01", "grpc: health of a model")
        try:
            health(b"\x0a\x01x")
            check(False, "grpc: health of nothing")
        except grpc.RpcError as error:
            check(error.code() == grpc.StatusCode.NOT_FOUND, "grpc: health of nothing", error.code())
        future = call.future(request([np.zeros_like(array).tobytes()]))
        swallow_all(future.cancel)


def overloaded(evssmd, plan):
    """A full queue and a full message budget: RESOURCE_EXHAUSTED, with the time after which to try again."""
    name = os.path.basename(plan).removesuffix(".plan")

    def infer(side, data):
        request = service_pb2.ModelInferRequest(model_name=name, raw_input_contents=[data])
        request.inputs.add(name="input", datatype="FP32", shape=[1, 3, side, side])
        return request

    def exhausted(what, stub, request):
        try:
            stub.ModelInfer(request, timeout=60)
        except grpc_core.RpcError as error:
            check(error.code() == grpc_core.StatusCode.RESOURCE_EXHAUSTED, f"{what}: status", error.code())
            details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
            check(
                b"type.googleapis.com/google.rpc.RetryInfo" in details, f"{what}: RetryInfo", error.trailing_metadata()
            )
            check(error.details().encode() in details, f"{what}: its text", error.details())
            return
        check(False, what, "it was accepted")

    with Server(evssmd, plan, "--queue", "1", "--max-buffered", "64MiB") as server:
        with grpc_core.insecure_channel(server.grpc_address, [("grpc.max_receive_message_length", -1)]) as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            exhausted("gRPC: a message over the budget", stub, infer(2400, bytes(2400 * 2400 * 12)))
            large = stub.ModelInfer.future(infer(1024, floats(1024, 1024, 1)), timeout=300)
            check(wait_until(lambda: server.metric("evssm_requests_accepted") >= 1, 10), "gRPC: the queue is full")
            exhausted("gRPC: a full queue", stub, infer(16, floats(16, 16, 1)))
            check(len(large.result().raw_output_contents[0]) == 1024 * 1024 * 12, "gRPC: what was accepted is answered")


def schema():
    """The messages' fields have the numbers and types that the client has, as far as both know them."""
    committed = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../schemas/grpc/inference.proto")
    with open(committed) as file:
        text = file.read()
    for name in [
        "ModelInferRequest",
        "ModelInferResponse",
        "ModelMetadataResponse",
        "InferTensorContents",
        "InferParameter",
        "InferStatistics",
        "ModelStatistics",
        "StatisticDuration",
        "RepositoryIndexRequest",
        "RepositoryModelLoadRequest",
    ]:
        body = text[text.index(f"message {name} {{") :]
        for field in service_pb2.DESCRIPTOR.message_types_by_name[name].fields:
            known = f" {field.name} = " in body.split("\nmessage ")[0]
            if known:
                check(f" {field.name} = {field.number};" in body.split("\nmessage ")[0], f"schema: {name}.{field.name}")


def main():
    evssmd, evssm, plan = sys.argv[1:4]
    cases = []
    for index, (height, width) in enumerate(SIZES):
        data = floats(height, width, index)
        array = np.frombuffer(data, np.float32).reshape(1, 3, height, width)
        cases.append((array, evssm_run(evssm, plan, data, height, width)))
    overloaded(evssmd, plan)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("a/1", "a/2", "b/1"):
            os.makedirs(f"{folder}/{name}")
            shutil.copy(plan, f"{folder}/{name}/model.plan")
        with Server(evssmd, "--models", folder, "--log-level", "notice") as server:
            http(server, cases)
            grpc(server, cases)
            typed(server, *cases[0])
            schema()
            check(server.stop() == 0, "the server ends in order")
    check.finish()


if __name__ == "__main__":
    main()
