import Tensors

extension Picture {
  /// Decodes a PNG or JPEG file held in memory; which one, its content says.
  ///
  /// The structure is scanned and held to the limits before anything is allocated for the pixels.
  /// - Throws: `picture.…`, `png.…`, `jpeg.…`, `limit.exceeded`.
  public init(bytes: [UInt8]) throws {
    self = try bytes.withUnsafeBytes { bytes in
      switch try PictureStructure(bytes) {
      case .png(let structure): try PNGDecoder(structure).decode(bytes)
      case .jpeg(let structure): try JPEGDecoder(structure).decode(bytes)
      }
    }
  }

  /// Reads the file at `path`.
  public static func read(path: String) throws -> Picture {
    do { return try Picture(bytes: fileBytes(path)) } catch let error as EVSSMError {
      throw error.at(.init(file: path))
    }
  }

  static func fileBytes(_ path: String) throws -> [UInt8] {
    try InputFile(path, atMost: Limits.maxPictureFileBytes, limitName: "max_picture_file").allBytes()
  }

  /// The bytes of a file of this picture: 8-bit RGB or RGBA as PNG, 4:4:4 as JPEG. The same picture gives the same
  /// bytes.
  /// - Parameter quality: of JPEG, 1...100.
  public func encoded(as format: PictureFormat, quality: Int = 95) throws -> [UInt8] {
    switch format {
    case .png: try PNGEncoder.encode(self)
    case .jpeg: try JPEGEncoder.encode(self, quality: quality)
    }
  }

  /// Writes the picture in the format that the extension of `path` names. The file appears only when it is complete.
  /// - Returns: what the format could not keep.
  /// - Throws: `picture.unknown-extension`, `picture.quality`, `file.unwritable`.
  @discardableResult
  public func write(to path: String, quality: Int = 95) throws -> [PictureNote] {
    let format = try PictureFormat(outputPath: path)
    try OutputFile.write(encoded(as: format, quality: quality), to: path)
    return losses(in: format)
  }

  private func losses(in format: PictureFormat) -> [PictureNote] {
    var notes: [PictureNote] = []
    if case .sixteenBit = samples { notes.append(.sixteenBitsRounded) }
    if alpha != nil, format == .jpeg { notes.append(.alphaDropped) }
    return notes
  }
}
