import EVSSMModel
import Foundation
import Tensors

extension EVSSMArchitecture {
  /// ``recognise(_:)`` with its errors typed.
  static func recognised(_ catalogue: TensorCatalogue) throws(EVSSMError) -> EVSSMArchitecture {
    do { return try recognise(catalogue) } catch let error as EVSSMError { throw error } catch {
      throw EVSSMError("internal.error", "\(error)", category: .internal)
    }
  }

  /// The expansion factor f of the feed-forward stages: the shortest decimal (to four places) whose products with the
  /// levels' channels, rounded down, are their hidden channels. Nil when no factor fits all levels.
  var expansion: Double? {
    let bounds = hidden.indices.map { level in
      (Double(hidden[level]) / Double(channels(level)), Double(hidden[level] + 1) / Double(channels(level)))
    }
    guard let low = bounds.map(\.0).max(), let high = bounds.map(\.1).min() else { return nil }
    for decimals in 0...4 {
      let scale = pow(10, Double(decimals))
      let factor = (low * scale - 1e-9).rounded(.up) / scale
      if factor < high { return factor }
    }
    return nil
  }
}
