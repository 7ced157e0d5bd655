/// A JSON value whose objects keep the order of their members.
package indirect enum JSONValue: Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  /// An integer of 0 or more.
  case unsigned(UInt64)
  /// Not-a-number and infinities are written as null: JSON has none.
  case number(Double)
  /// An array of finite numbers, each written in the fewest digits that give it back.
  case floats([Float])
  case string(String)
  case array([JSONValue])
  case object([Member])

  package typealias Member = (name: String, value: JSONValue)

  /// The member `name` of an object; nil for other values.
  /// - Complexity: O(members).
  package subscript(name: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.name == name }?.value
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  package init(stringLiteral value: String) { self = .string(value) }
  package init(integerLiteral value: Int) { self = .integer(value) }
  package init(booleanLiteral value: Bool) { self = .bool(value) }
  package init(nilLiteral: ()) { self = .null }
  package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  package init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(elements.map { ($0.0, $0.1) }) }

  /// A string, or null for nil.
  package init(_ value: String?) { self = value.map(JSONValue.string) ?? .null }
  /// An integer, or null for nil.
  package init(_ value: Int?) { self = value.map(JSONValue.integer) ?? .null }
  /// A number, or null for nil.
  package init(_ value: Double?) { self = value.map(JSONValue.number) ?? .null }
  package init(_ values: [Int]) { self = .array(values.map(JSONValue.integer)) }
  package init(_ values: [String]) { self = .array(values.map(JSONValue.string)) }
}
