import Tensors

/// Limits on zip archives. The published name of each stands in the error that quotes it.
extension Limits {
  /// `max_zip_entries`
  package static let maxZipEntries = 65_535
  /// `max_entry_name`: bytes of an archive entry's name.
  package static let maxEntryNameBytes = 512
  /// `max_zip_directory`: bytes of an archive's central directory.
  package static let maxZipDirectoryBytes = 64 << 20
  /// `max_ratio`: inflated bytes for each compressed byte of a record.
  package static let maxInflationRatio = 1024

  /// `max_inflated`: bytes that all records of an archive of `fileBytes` may hold once inflated.
  package static func maxInflatedBytes(fileBytes: Int) -> Int {
    scaled(fileBytes, by: 4, plus: 64 << 20)
  }

  package static func scaled(_ value: Int, by factor: Int, plus constant: Int) -> Int {
    let (product, over) = value.multipliedReportingOverflow(by: factor)
    if over { return Int.max }
    let (sum, overflow) = product.addingReportingOverflow(constant)
    return overflow ? Int.max : sum
  }
}
