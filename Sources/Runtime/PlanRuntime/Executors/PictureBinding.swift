import CKernels
import ExecutionPlan
import Synchronization
import Tensors

/// Where a run finds its picture, and where it leaves the result.
enum PictureContent {
  /// Planar float32 (3, height, width). `output` may be the memory of `input`.
  case planes(input: ConstFloats, output: Floats)
  /// 8 bits, row by row, the R, G and B of a pixel side by side. The result is written over them.
  case samples(UnsafeMutablePointer<UInt8>)
}

/// The caller's picture while a run lasts.
final class PictureBinding: @unchecked Sendable {
  // Unchecked: `content` is written by the session before its threads start, read by them.
  var content: PictureContent?
  let height: Int
  let width: Int
  /// By sample: its value.
  private let values: Floats
  private let nonFinite = Atomic<Int>(0)

  init(height: Int, width: Int) {
    self.height = height
    self.width = width
    values = .allocate(capacity: EightBitSample.values.count)
    values.initialize(from: EightBitSample.values, count: EightBitSample.values.count)
  }

  deinit { values.deallocate() }

  /// Pixels of the picture.
  var plane: Int { height * width }

  /// The row or column of the picture that `position` of the padded picture shows.
  static func reflect(_ position: Int, _ size: Int) -> Int { position < size ? position : 2 * (size - 1) - position }

  /// How many values of a result in samples were NaN or infinite since this was last asked.
  func takeNonFiniteCount() -> Int { nonFinite.exchange(0, ordering: .relaxed) }

  func values(of planes: ConstFloats) -> PlaneValues { PlaneValues(planes: planes, plane: plane) }

  func values(of samples: UnsafePointer<UInt8>) -> SampleValues { SampleValues(samples: samples, values: values) }

  /// Adds the picture's values to a part of a row of `result`, ``Layout/lanes`` floats a pixel, and leaves the sums in their
  /// place.
  func store(_ row: Int, _ start: Int, _ end: Int, from result: Floats) {
    switch content {
    case .planes(let input, let output): store(row, start, end, from: result, values(of: input), into: output)
    case .samples(let samples): store(row, start, end, from: result, over: samples)
    case nil: return
    }
  }

  private func store(
    _ row: Int, _ start: Int, _ end: Int, from result: Floats, _ source: PlaneValues, into target: Floats
  ) {
    for colour in 0..<3 {
      for x in start..<end {
        let pixel = row * width + x
        target[colour * plane + pixel] = result[(x - start) * Layout.lanes + colour] + source.value(pixel, colour)
      }
    }
  }

  private func store(
    _ row: Int, _ start: Int, _ end: Int, from result: Floats, over samples: UnsafeMutablePointer<UInt8>
  ) {
    let source = values(of: samples)
    var count = 0
    for x in start..<end {
      let pixel = row * width + x
      for colour in 0..<3 {
        let value = result[(x - start) * Layout.lanes + colour] + source.value(pixel, colour)
        count += value.isFinite ? 0 : 1
        samples[3 * pixel + colour] = EightBitSample.rounding(value)
      }
    }
    if count > 0 { nonFinite.add(count, ordering: .relaxed) }
  }
}

/// The values of a picture's pixels, numbered row by row.
protocol PictureValues {
  func value(_ pixel: Int, _ colour: Int) -> Float
}

/// Of planes.
struct PlaneValues: PictureValues {
  let planes: ConstFloats
  let plane: Int

  @inline(__always)
  func value(_ pixel: Int, _ colour: Int) -> Float { planes[colour * plane + pixel] }
}

/// Of samples, by a table.
struct SampleValues: PictureValues {
  let samples: UnsafePointer<UInt8>
  let values: Floats

  @inline(__always)
  func value(_ pixel: Int, _ colour: Int) -> Float { values[Int(samples[3 * pixel + colour])] }
}
