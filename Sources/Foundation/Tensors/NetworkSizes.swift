/// Sizes that every EVSSM network has, whatever its hyper-parameters.
package enum NetworkSizes {
  /// States of the scan.
  package static let states = 8
  /// Taps of the convolution along the scan.
  package static let taps = 7
  /// Window sides at levels 1, 2, 3 of the authors' released network.
  package static let releasedWindowSides = [384, 192, 96]
  /// The smallest height and width of a picture: a quarter of it must be larger than its pad to a multiple of 8.
  package static let minimumSide = 20
}
