import Foundation
import GraphIR
import GraphRewriting
import Tensors

extension PatchMap {
  /// The real, even transfer function (C, 8, 8) of what is done to a patch, when that is a circular convolution.
  var filter: Tensor? {
    let inner = axes.compactMap { axis in if case .inner(let count) = axis, count != 1 { count } else { nil } }
    guard inner == [Self.side, Self.side] || inner == [Self.area] else { return nil }
    guard let images = images, images.allSatisfy(Self.isCircular) else { return nil }
    let values = images.flatMap { Self.transferFunction($0[0]) }
    return try? Tensor(dtype: .float64, shape: [images.count, Self.side, Self.side]) { out in
      values.withUnsafeBytes { out.copyMemory(from: $0) }
    }
  }

  /// For each channel the images of the 64 basis patches.
  private var images: [[[Float]]]? {
    let carrier = Self.carrier(axes)
    guard let shape = samples.first?.shape else { return nil }
    let channelAxis = axes.firstIndex { axis in
      if case .outer(let digits) = axis { digits.contains { $0.axis == .channel } } else { false }
    }
    guard let channelAxis, case .outer(let digits) = axes[channelAxis] else { return nil }
    guard let digit = digits.first(where: { $0.axis == .channel }), let count = digit.size.known,
      digits.filter({ $0.axis == .channel }).count == 1
    else { return nil }
    let below = digits[(digits.firstIndex(of: digit)! + 1)...].reduce(1) { $0 * ($1 == carrier ? Self.area : 1) }
    let stride = shape[(channelAxis + 1)...].reduce(1, *)
    var out = [[[Float]]](
      repeating: [[Float]](repeating: [Float](repeating: 0, count: Self.area), count: Self.area), count: count)
    for (run, sample) in samples.enumerated() {
      for (index, value) in sample.floats().enumerated() {
        let (patch, inside) = Self.place(index, axes, shape, carrier, run)
        let channel = index / stride % shape[channelAxis] / below % count
        out[channel][patch][inside] = value
      }
    }
    return out
  }

  /// Whether the image of every basis patch is that of the first one, shifted, and even.
  private static func isCircular(_ images: [[Float]]) -> Bool {
    let kernel = images[0]
    let largest = kernel.reduce(0) { max($0, abs($1)) }
    let tolerance = 1e-5 * largest + 1e-12
    guard largest.isFinite else { return false }
    for basis in 0..<area {
      for k in 0..<area {
        let (p, q) = ((k / side - basis / side) & 7, (k % side - basis % side) & 7)
        let mirrored = (-p & 7) * side + (-q & 7)
        guard abs(images[basis][k] - kernel[p * side + q]) <= tolerance,
          abs(kernel[mirrored] - kernel[p * side + q]) <= tolerance
        else { return false }
      }
    }
    return true
  }

  /// The two-dimensional transform of an even kernel, which is real.
  private static func transferFunction(_ kernel: [Float]) -> [Double] {
    (0..<area).map { frequency in
      (0..<area).reduce(0.0) { sum, k in
        let turns = (frequency / side * (k / side) + frequency % side * (k % side)) % side
        return sum + Double(kernel[k]) * cos(2 * .pi * Double(turns) / Double(side))
      }
    }
  }

  /// The tensor as a view of a map of the same size as the one that was cut into patches.
  func view(of map: ValueID) -> MapView {
    let row = AxisDigit(axis: .row, size: Dimension(Self.side))
    let column = AxisDigit(axis: .column, size: Dimension(Self.side))
    var inside = [row, column][...]
    return MapView(
      map: map,
      axes: axes.map { axis in
        switch axis {
        case .outer(let digits): digits
        case .inner(1): []
        case .inner(Self.area): [row, column]
        case .inner: [inside.removeFirst()]
        }
      })
  }
}

extension Raiser {
  /// The spectral filter of a map, padded in front and cut behind as the network does it.
  mutating func filtered(_ image: PatchMap, _ filter: Tensor) throws -> MapView? {
    applied("what is done to each 8×8 patch is a circular convolution: a spectral filter")
    let weight = edit.constant("fft", filter)
    if let made = producer(image.map), case .grown? = (made.op as? RaisedOperator)?.kind {
      let padded = try addOne(ReflectPad(multiple: 8), [made.inputs[0]])
      guard type(padded) == type(image.map) else { throw Mismatch("the map is not padded to the next multiples of 8") }
      return image.view(of: try addOne(SpectralFilter(), [padded, weight]))
    }
    let size = type(image.map).shape
    let padded = try addOne(ReflectPad(multiple: 8), [image.map])
    guard type(padded) == type(image.map) else { throw Mismatch("the map's sides are not multiples of 8") }
    let result = try addOne(SpectralFilter(), [padded, weight])
    return image.view(of: try addOne(Crop(height: size[2], width: size[3]), [result]))
  }
}
