/// One picture to restore: where it comes from and where it goes.
package struct RestorationItem: Sendable, Hashable {
  /// A PNG, JPEG or .npy file.
  package var input: String
  /// The file to write; its extension says what: .png, .jpg, .jpeg or .npy.
  package var output: String
  /// Where input and result go side by side, as a picture; nil for nowhere.
  package var comparison: String?

  package init(input: String, output: String, comparison: String? = nil) {
    self.input = input
    self.output = output
    self.comparison = comparison
  }

  /// Whether values of float32 are wanted, before or after: else a picture of 8 bits is restored where its samples lie.
  var needsPlanes: Bool { comparison != nil || PictureFile.isArray(output) }
}
