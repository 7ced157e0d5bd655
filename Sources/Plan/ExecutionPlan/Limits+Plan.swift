import Tensors

extension Limits {
  /// Pixels of a picture that a plan is bound to: 64 Mpx.
  package static let maxPicturePixels = 64 << 20
  /// Height or width of a picture, and of a map in the arena.
  package static let maxPictureSide = 32_768
  /// Bytes of the arena that holds a bound plan's maps and scratch memory: 64 GiB.
  package static let maxArenaBytes = 64 << 30

  package static let maxPlanSteps = 2048
  package static let maxPlanBuffers = 2048
  package static let maxPlanConstants = 65_536
  /// Hyper-parameters in a plan's model description.
  package static let maxPlanAttributes = 64
  /// Bytes of UTF-8 in the name of a step or a hyper-parameter, or in a hyper-parameter's value.
  package static let maxPlanNameBytes = 256
  /// Bytes of UTF-8 in the name of a constant, which may list several tensors.
  package static let maxPlanConstantNameBytes = 1024
  /// Nodes of a size expression.
  package static let maxPlanSizeNodes = 32
  /// Bindings stored in one plan file.
  package static let maxPlanBindings = 32
}

extension Limits {
  static func checkPicture(height: Int, width: Int) throws {
    for side in [height, width] {
      try check(side, atMost: maxPictureSide, name: "max_picture_side", "A side of the picture")
    }
    let pixels = try Checked.multiply(height, width)
    try check(pixels, atMost: maxPicturePixels, name: "max_picture_pixels", "The picture's count of pixels")
  }
}
