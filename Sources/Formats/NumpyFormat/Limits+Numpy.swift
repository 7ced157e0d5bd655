import Tensors

extension Limits {
  /// `max_npy_header`: bytes of the header of a .npy file.
  package static let maxNumpyHeaderBytes = 65_536
}
