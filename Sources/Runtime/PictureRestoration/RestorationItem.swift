/// One picture to restore: where it comes from and where it goes.
public struct RestorationItem: Sendable, Hashable {
  /// A PNG, JPEG or .npy file.
  public var input: String
  /// The file to write; its extension says what: .png, .jpg, .jpeg or .npy.
  public var output: String
  /// Where input and result go side by side, as a picture; nil for nowhere.
  public var comparison: String?

  public init(input: String, output: String, comparison: String? = nil) {
    self.input = input
    self.output = output
    self.comparison = comparison
  }

  /// Whether values of float32 are wanted, before or after: else a picture of 8 bits is restored where its samples lie.
  var needsPlanes: Bool { comparison != nil || PictureFile.isArray(output) }
}
