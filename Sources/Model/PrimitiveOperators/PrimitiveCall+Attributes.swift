/// Attributes by name, for those who look at calls that ``PrimitiveRegistry`` has already checked: an attribute of
/// another kind than asked for counts as missing.
extension PrimitiveCall {
  package func integer(_ name: String) -> Int? {
    if case .int(let value)? = attributes[name] { value } else { nil }
  }

  package func integers(_ name: String) -> [Int]? {
    if case .ints(let values)? = attributes[name] { values } else { nil }
  }

  package func real(_ name: String) -> Double? {
    if case .float(let value)? = attributes[name] { Double(value) } else { nil }
  }

  package func string(_ name: String) -> String? {
    if case .string(let value)? = attributes[name] { value } else { nil }
  }

  package func integer(_ name: String, _ fallback: Int) -> Int { integer(name) ?? fallback }

  package func real(_ name: String, _ fallback: Double) -> Double { real(name) ?? fallback }

  package func string(_ name: String, _ fallback: String) -> String { string(name) ?? fallback }
}
