import Tensors
import TestSupport
import Testing

@Suite struct DimensionTests {
  let h = Dimension(symbol: "H")
  let w = Dimension(symbol: "W")

  @Test func halvesAndDoublesOfAPaddedSizeMeet() throws {
    let padded = try h.roundedUp(toMultipleOf: 4)
    let half = try padded.dividedRoundingDown(by: 2)
    let quarter = try half.dividedRoundingDown(by: 2)
    #expect(try quarter.times(2) == half)
    #expect(try half.times(2) == padded)
    #expect(try padded.roundedUp(toMultipleOf: 4) == padded)
    #expect(padded.description == "4*floor((H + 3)/4)")
    #expect(quarter.description == "floor((H + 3)/4)")
  }

  @Test func sumsAreCanonical() throws {
    let a = try h.plus(w).plus(3)
    let b = try Dimension(1).plus(w).plus(h).plus(2)
    #expect(a == b)
    #expect(a.hashValue == b.hashValue)
    #expect(a.description == "H + W + 3")
    #expect(try a.minus(h).minus(w).known == 3)
    #expect(try h.minus(h) == 0)
    #expect(try Dimension(0).minus(h.times(2)).plus(1).description == "-2*H + 1")
  }

  @Test func quotientsAreMerged() throws {
    #expect(try h.dividedRoundingDown(by: 2).dividedRoundingDown(by: 3) == h.dividedRoundingDown(by: 6))
    #expect(try h.times(4).plus(7).dividedRoundingDown(by: 4) == h.plus(1))
    #expect(try h.dividedRoundingUp(by: 1) == h)
    #expect(try Dimension(-7).dividedRoundingDown(by: 2) == -4)
    #expect(try Dimension(7).dividedRoundingUp(by: 2) == 4)
  }

  @Test func extremaAreFlatUnorderedAndSimplified() throws {
    #expect(try Dimension.maximum([h, w]) == Dimension.maximum([w, h, w]))
    #expect(try Dimension.maximum([h, h.plus(2)]) == h.plus(2))
    #expect(try Dimension.minimum([h, h.plus(2)]) == h)
    #expect(try Dimension.minimum([5, 3]) == 3)
    #expect(try Dimension.maximum([h, w]).description == "max(H, W)")
    #expect(throws: EVSSMError.self) { try Dimension.maximum([]) }
  }

  /// An expression and the same one over plain numbers, built together step by step.
  private func random(_ generator: inout SeededGenerator, _ height: Int, _ width: Int) throws -> (Dimension, Int) {
    var all: [(Dimension, Int)] = [(h, height), (w, width), (3, 3), (-5, -5)]
    for _ in 0..<8 {
      let a = all[Int(generator.next() % UInt64(all.count))]
      let b = all[Int(generator.next() % UInt64(all.count))]
      let k = Int(generator.next() % 5) + 1
      switch generator.next() % 6 {
      case 0: all.append((try a.0.plus(b.0), a.1 + b.1))
      case 1: all.append((try a.0.times(k - 3), a.1 * (k - 3)))
      case 2: all.append((try a.0.dividedRoundingDown(by: k), floorQuotient(a.1, k)))
      case 3: all.append((try a.0.dividedRoundingUp(by: k), floorQuotient(a.1 + k - 1, k)))
      case 4: all.append((try .maximum([a.0, b.0]), max(a.1, b.1)))
      default: all.append((try .minimum([a.0, b.0]), min(a.1, b.1)))
      }
    }
    return all[all.count - 1]
  }

  private func floorQuotient(_ a: Int, _ b: Int) -> Int { a >= 0 ? a / b : -((-a + b - 1) / b) }

  @Test func everyExpressionIsWorthWhatPlainArithmeticGives() throws {
    var generator = SeededGenerator(seed: 11)
    for _ in 0..<500 {
      let height = Int(generator.next() % 50) + 1
      let width = Int(generator.next() % 50) + 1
      let (expression, value) = try random(&generator, height, width)
      #expect(try expression.bound(["H": height, "W": width]) == value, "\(expression) at \(height), \(width)")
      #expect(expression.symbols.isSubset(of: ["H", "W"]))
    }
  }

  @Test func overflowAndUnknownSymbolsAreErrors() throws {
    let large = try h.times(Int.max / 2)
    #expect(throws: EVSSMError.self) { try large.bound(["H": 3]) }
    #expect(throws: EVSSMError.self) { try large.times(3) }
    #expect(throws: EVSSMError.self) { try Dimension(Int.max).plus(1) }
    #expect(throws: EVSSMError.self) { try h.bound([:]) }
    #expect(throws: EVSSMError.self) { try h.dividedRoundingDown(by: 0) }
    #expect(throws: EVSSMError.self) { try h.roundedUp(toMultipleOf: -4) }
  }

  @Test func nestingAndLengthAreLimited() throws {
    let nested = #expect(throws: EVSSMError.self) {
      var size = h
      for i in 0..<100 { size = try .maximum([size.plus(Dimension(i)).dividedRoundingDown(by: 3), w]) }
    }
    #expect(nested?.limit == "max_dimension_depth")
    let long = #expect(throws: EVSSMError.self) {
      var size = h
      for i in 0..<1000 { size = try size.plus(Dimension(symbol: "s\(i)")) }
    }
    #expect(long?.limit == "max_dimension_terms")
  }
}
