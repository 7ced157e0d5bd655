import Tensors

/// One marker segment of a JPEG file: a length and a body.
struct JPEGSegment {
  let marker: UInt8
  let body: UnsafeRawBufferPointer
  /// Offset after the segment.
  let end: Int
  private let start: Int

  /// - Parameter position: after the marker.
  init(_ file: UnsafeRawBufferPointer, marker: UInt8, at position: Int) throws {
    self.marker = marker
    start = position
    if JPEGMarker.isAlone(marker) { throw JPEGMarker.misplaced(marker, at: position) }
    guard let length = file.integer(at: position, bytes: 2), length <= file.count - position else {
      throw JPEGStructure.truncated(at: position)
    }
    end = position + length
    guard length >= 2 else {
      throw EVSSMError(
        "jpeg.segment-length", "A segment has the length \(length), below 2: the file is damaged.",
        place: .init(byteOffset: UInt64(position)))
    }
    body = UnsafeRawBufferPointer(rebasing: file[position + 2..<end])
  }

  var place: EVSSMError.Place { .init(byteOffset: UInt64(start)) }

  func error(_ code: EVSSMError.Code, _ message: String) -> EVSSMError { EVSSMError(code, message, place: place) }
}

/// Marker codes (ITU-T T.81, table B.1) and the refusals of those that are not read.
enum JPEGMarker {
  static let endOfImage: UInt8 = 0xD9
  static let startOfScan: UInt8 = 0xDA
  static let restarts: ClosedRange<UInt8> = 0xD0...0xD7

  /// Whether the marker has no length and body.
  static func isAlone(_ marker: UInt8) -> Bool { marker <= 0x01 || (0xD0...0xD9).contains(marker) }

  static func misplaced(_ marker: UInt8, at position: Int) -> EVSSMError {
    EVSSMError(
      "jpeg.marker", "The marker \(String(marker, radix: 16)) is out of place: the file is damaged.",
      place: .init(byteOffset: UInt64(position)))
  }

  static func refusal(_ segment: JPEGSegment) -> EVSSMError {
    let kind: (code: EVSSMError.Code, name: String) =
      switch segment.marker {
      case 0xC3: ("jpeg.lossless", "Lossless JPEG")
      case 0xF7: ("jpeg.lossless", "JPEG-LS")
      case 0xC9, 0xCA, 0xCC: ("jpeg.arithmetic", "JPEG with arithmetic coding")
      case 0xC5...0xC7, 0xCB, 0xCD...0xCF, 0xDE, 0xDF: ("jpeg.hierarchical", "Hierarchical JPEG")
      case 0xDC: ("jpeg.undefined-height", "JPEG whose height follows the picture (DNL)")
      default: ("jpeg.marker", "JPEG with the marker \(String(segment.marker, radix: 16))")
      }
    return segment.error(kind.code, "\(kind.name) is not read. Save it as baseline or progressive JPEG, or as PNG.")
  }
}
