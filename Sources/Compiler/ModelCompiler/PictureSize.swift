/// Width and height of a picture, in pixels.
public struct PictureSize: Sendable, Hashable, CustomStringConvertible {
  public var width: Int
  public var height: Int

  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// Such as `1280x720`.
  public var description: String { "\(width)x\(height)" }
}
