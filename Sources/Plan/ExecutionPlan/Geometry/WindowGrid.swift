import Tensors

/// Where the windows of a scan stage start along one axis.
///
/// Source: the authors' test network; a window of k = min(side, s) pixels, count = ⌊(s−1)/k⌋ + 1, step =
/// ⌈(s−k)/(count−1) − 1e-8⌉, the last start moved back to s − k.
package struct WindowAxis: Sendable, Hashable {
  /// Pixels of each window.
  package let length: Int
  /// First pixel of each window, ascending.
  package let starts: [Int]

  /// - Parameters:
  ///   - size: pixels of the axis, at least 1.
  ///   - side: the windows' side, at least 1; nil for one window as long as the axis.
  package init(size: Int, side: Int?) {
    let length = min(size, side ?? size)
    let count = (size - 1) / length + 1
    self.length = length
    guard count > 1 else {
      starts = [0]
      return
    }
    let step = (size - length + count - 2) / (count - 1)
    starts = Array(stride(from: 0, to: size - length, by: step)) + [size - length]
  }

  /// The end of the pixels of window `index` that an earlier window covers too; at most its start if there are none.
  package func coveredBefore(_ index: Int) -> Int { index == 0 ? starts[0] : starts[index - 1] + length }
}
