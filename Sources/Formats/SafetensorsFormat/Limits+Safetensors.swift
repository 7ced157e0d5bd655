import Tensors

extension Limits {
  /// `max_safetensors_header`: bytes of the JSON header, as the format's own library limits it.
  package static let maxSafetensorsHeaderBytes = 100_000_000
  /// `max_safetensors_index`: bytes of a `model.safetensors.index.json`.
  package static let maxSafetensorsIndexBytes = 64 << 20
  /// `max_safetensors_shards`: files that one index may name.
  package static let maxSafetensorsShards = 4096
  /// `max_tensor_name`: bytes of a tensor's name in UTF-8.
  static let maxTensorNameBytes = 512
}
