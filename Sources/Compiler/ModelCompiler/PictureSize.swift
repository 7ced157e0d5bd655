/// Width and height of a picture, in pixels.
package struct PictureSize: Sendable, Hashable, CustomStringConvertible {
  package var width: Int
  package var height: Int

  package init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// Such as `1280x720`.
  package var description: String { "\(width)x\(height)" }
}
