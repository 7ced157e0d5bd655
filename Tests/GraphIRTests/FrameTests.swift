import GraphIR
import Tensors
import Testing

@Suite struct FrameTests {
  @Test(arguments: Frame.all) func isItsOwnInverse(_ frame: Frame) throws {
    #expect(frame.composed(with: frame) == .upright)
    let kernel = try Tensor(shape: [2, 3, 3], floats: (0..<18).map(Float.init))
    let twice = try frame.applied(to: frame.applied(to: kernel))
    #expect(twice.floats() == kernel.floats())
  }

  @Test func turnsTheLastTwoAxes() throws {
    let map = try Tensor(shape: [1, 2, 3], floats: [1, 2, 3, 4, 5, 6])
    let transposed = try Frame(transposed: true).applied(to: map)
    #expect(transposed.shape == [1, 3, 2])
    #expect(transposed.floats() == [1, 4, 2, 5, 3, 6])
    #expect(try Frame(halfTurned: true).applied(to: map).floats() == [6, 5, 4, 3, 2, 1])
    #expect(try Frame(transposed: true, halfTurned: true).applied(to: map).floats() == [6, 3, 5, 2, 4, 1])
  }

  @Test(arguments: [(0, 1), (1, 2), (2, 3), (3, 3), (0, 0)]) func composes(_ pair: (Int, Int)) throws {
    let (a, b) = (Frame.all[pair.0], Frame.all[pair.1])
    let map = try Tensor(shape: [2, 5], floats: (0..<10).map(Float.init))
    let oneByOne = try b.applied(to: a.applied(to: map))
    let together = try a.composed(with: b).applied(to: map)
    #expect(oneByOne.shape == together.shape)
    #expect(oneByOne.floats() == together.floats())
  }

  @Test func keepsTheElementType() throws {
    let kernel = try Tensor(shape: [2, 2], floats: [1, 2, 3, 4]).converted(to: .float64)
    let turned = try Frame(transposed: true).applied(to: kernel)
    #expect(turned.dtype == .float64)
    #expect(turned.doubles() == [1, 3, 2, 4])
  }

  @Test func refusesAVector() throws {
    let vector = try Tensor(shape: [3], floats: [1, 2, 3])
    #expect(throws: EVSSMError.self) { try Frame(transposed: true).applied(to: vector) }
  }
}

@Suite struct WindowGridTests {
  @Test func liesAsInTheReleasedNetwork() throws {
    #expect(try WindowGrid(size: 1280, side: 384).starts == [0, 299, 598, 896])
    #expect(try WindowGrid(size: 400, side: 384).starts == [0, 16])
    #expect(try WindowGrid(size: 384, side: 384).starts == [0])
    let small = try WindowGrid(size: 7, side: 384)
    #expect(small.starts == [0])
    #expect(small.length == 7)
  }

  @Test func isMirroredInAHalfTurnedFrame() throws {
    let windows = try WindowRectangle.windows(height: 24, width: 1280, side: 384, frame: Frame(halfTurned: true))
    #expect(windows.map(\.left).sorted() == [0, 298, 597, 896])
    let tall = try WindowRectangle.windows(height: 1280, width: 24, side: 384, frame: Frame(transposed: true))
    #expect(tall.map(\.top) == [0, 299, 598, 896])
    #expect(tall.allSatisfy { $0.height == 384 && $0.width == 24 })
  }

  @Test func coversEveryPixelAndStaysInside() throws {
    for size in 1...120 {
      for side in 1...13 {
        let grid = try WindowGrid(size: size, side: side)
        var covered = [Bool](repeating: false, count: size)
        for start in grid.starts { for i in start..<start + grid.length { covered[i] = true } }
        #expect(covered.allSatisfy { $0 }, "size \(size), side \(side): \(grid.starts)")
      }
    }
  }

  @Test func refusesEmptyAxes() {
    #expect(throws: EVSSMError.self) { try WindowGrid(size: 0, side: 4) }
    #expect(throws: EVSSMError.self) { try WindowGrid(size: 4, side: 0) }
  }
}
