import Tensors

/// The axes of an Einsum by their labels; those of an ellipsis are labelled `.0`, `.1`, … from the back.
package struct EinsumEquation: Sendable, Hashable {
  private let inputs: [[String]]
  private let output: [String]?

  /// Reads an equation such as `bij,bjk->bik`.
  /// - Throws: `graph.attribute` for anything but ASCII letters and at most one ellipsis a term.
  package init(_ text: String) throws {
    let compact = text.filter { $0 != " " }
    guard compact.utf8.count <= 1024 else {
      throw Self.failure("has an equation of \(compact.utf8.count) bytes.")
    }
    let arrow = compact.firstRange(of: "->")
    let left = arrow.map { compact[..<$0.lowerBound] } ?? compact[...]
    inputs = try left.split(separator: ",", omittingEmptySubsequences: false).map { try Self.labels($0) }
    output = try arrow.map { try Self.labels(compact[$0.upperBound...]) }
  }

  private static func failure(_ what: String) -> EVSSMError {
    EVSSMError("graph.attribute", "Operator Einsum \(what)")
  }

  /// The letters of every term where the equation says its result and has no ellipsis; nil for any other.
  package var letters: (operands: [[String]], result: [String])? {
    guard let output, !(inputs + [output]).contains(where: { $0.contains("...") }) else { return nil }
    return (inputs, output)
  }

  private static func labels(_ term: Substring) throws -> [String] {
    var out: [String] = []
    var rest = term
    while let first = rest.first {
      if rest.hasPrefix("...") {
        guard !out.contains("...") else { throw Self.failure("has an equation with two ellipses in a term.") }
        out.append("...")
        rest = rest.dropFirst(3)
      } else if first.isASCII, first.isLetter {
        out.append(String(first))
        rest = rest.dropFirst()
      } else {
        throw Self.failure("has an equation with the character \(EVSSMError.escaped(String(first))).")
      }
    }
    return out
  }

  /// The labels of an input of `rank` axes.
  private func labels(_ input: Int, rank: Int) throws -> [String] {
    let term = inputs[input]
    guard let ellipsis = term.firstIndex(of: "...") else {
      guard term.count == rank else { throw valueError("Einsum has \(term.count) labels for \(rank) axes.") }
      return term
    }
    let hidden = rank - term.count + 1
    guard hidden >= 0 else { throw valueError("Einsum has \(term.count - 1) labels for \(rank) axes.") }
    return Array(term[..<ellipsis]) + (0..<hidden).reversed().map { ".\($0)" } + Array(term[(ellipsis + 1)...])
  }

  /// The size of every label, and the output's labels.
  func sizes<Size>(
    _ shapes: [[Size]], _ one: Size, _ merge: (Size, Size) throws -> Size
  ) throws -> ([String: Size], output: [String]) {
    guard shapes.count == inputs.count else {
      throw valueError("Einsum has \(shapes.count) inputs for \(inputs.count) terms.")
    }
    var sizes: [String: Size] = [:]
    var counts: [String: Int] = [:]
    var hidden = 0
    for (i, shape) in shapes.enumerated() {
      let labels = try labels(i, rank: shape.count)
      hidden = max(hidden, labels.filter { $0.hasPrefix(".") }.count)
      for (label, size) in zip(labels, shape) {
        sizes[label] = try merge(sizes[label] ?? one, size)
        counts[label, default: 0] += 1
      }
    }
    let dots = (0..<hidden).reversed().map { ".\($0)" }
    let once = counts.filter { $0.value == 1 && !$0.key.hasPrefix(".") }.keys.sorted()
    let labels = output.map { $0.flatMap { $0 == "..." ? dots : [$0] } } ?? dots + once
    guard Set(labels).count == labels.count, labels.allSatisfy({ sizes[$0] != nil }) else {
      throw valueError("Einsum has an output with labels that no input has, or one twice.")
    }
    return (sizes, labels)
  }

  /// Elements between neighbours of an input along each of `axes`; a label that occurs twice walks the diagonal.
  func strides(_ input: Int, _ shape: [Int], _ axes: [String]) throws -> [Int] {
    let own = Shapes.strides(shape)
    let labels = try labels(input, rank: shape.count)
    return axes.map { axis in
      labels.indices.reduce(0) { $0 + (labels[$1] == axis && shape[$1] != 1 ? own[$1] : 0) }
    }
  }
}
