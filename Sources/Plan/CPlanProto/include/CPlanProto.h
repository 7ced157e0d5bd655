#pragma once
#include "plan.pb-c.h"

// Addresses of the generated descriptors, which Swift cannot take of a C constant.
static inline const ProtobufCMessageDescriptor *_Nonnull evssm_plan_program_descriptor(void) {
  return &evssm__plan__program__descriptor;
}
static inline const ProtobufCMessageDescriptor *_Nonnull evssm_plan_bindings_descriptor(void) {
  return &evssm__plan__bindings__descriptor;
}
static inline const ProtobufCMessageDescriptor *_Nonnull evssm_plan_certificate_descriptor(void) {
  return &evssm__plan__certificate__descriptor;
}
