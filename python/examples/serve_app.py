"""A Ray Serve deployment: POST a PNG or JPEG picture, get the restored one as PNG.

    EVSSM_PLAN=deblurring.plan serve run serve_app:app
    curl --data-binary @blurred.jpg http://127.0.0.1:8000/ -o sharp.png

One machine is served better by evssmd, which speaks the Open Inference Protocol; this is for clusters that run Ray
anyway.
"""

from __future__ import annotations

import asyncio
import io
import os

import evssm
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MAX_BODY = 64 << 20


@serve.deployment(
    max_ongoing_requests=2,
    max_queued_requests=16,
    ray_actor_options={"num_cpus": int(os.environ.get("EVSSM_THREADS", "1"))},
)
class Restore:
    def __init__(self, plan: str, threads: int) -> None:
        self.plan = evssm.Plan(plan, threads=threads)

    async def __call__(self, request: Request) -> Response:
        if request.method != "POST":
            return JSONResponse({"error": "POST a PNG or JPEG picture."}, 405, {"Allow": "POST"})
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return JSONResponse({"error": f"The picture is larger than {MAX_BODY} bytes."}, 413)
        cancel = evssm.CancelFlag()
        try:
            return await asyncio.to_thread(self._restore, bytes(body), cancel)
        except asyncio.CancelledError:
            cancel.set()
            raise

    def _restore(self, body: bytes, cancel: evssm.CancelFlag) -> Response:
        try:
            with Image.open(io.BytesIO(body), formats=("PNG", "JPEG")) as image:
                pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
            return JSONResponse({"error": "The body is no PNG or JPEG picture."}, 400)
        try:
            restored = self.plan.restore(pixels, cancel=cancel)
        except evssm.InvalidArgument as error:
            return JSONResponse({"error": str(error)}, 400)
        out = io.BytesIO()
        Image.fromarray(restored).save(out, "png")
        return Response(out.getvalue(), media_type="image/png")


app = Restore.bind(  # type: ignore[attr-defined]
    os.environ.get("EVSSM_PLAN", "model.plan"), int(os.environ.get("EVSSM_THREADS", "1"))
)
