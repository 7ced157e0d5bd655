#pragma once
#include "onnx.pb-c.h"

// Address of the generated descriptor, which Swift cannot take of a C constant.
static inline const ProtobufCMessageDescriptor *_Nonnull evssm_onnx_model_descriptor(void) {
  return &evssm__onnx__model__descriptor;
}
