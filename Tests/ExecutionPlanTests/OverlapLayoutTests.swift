import Tensors
import Testing

@testable import ExecutionPlan

@Suite struct OverlapLayoutTests {
  /// Goes through all windows as a scan stage does, and keeps in each place the pixel whose sum it holds. What one phase finishes
  /// may be written in any order, so all of its writes come before its reads here.
  private struct Walk {
    let rows: WindowAxis
    let columns: WindowAxis
    let stripRows: Int
    let layout: OverlapLayout
    var places: [Int?]
    var flaws = 0

    init(height: Int, width: Int, side: Int, stripRows: Int) {
      rows = WindowAxis(size: height, side: side)
      columns = WindowAxis(size: width, side: side)
      // As in a scan stage, a strip has at least the positions that the next one needs of it.
      self.stripRows = min(max(stripRows, (2 * ScanStageLayout.lag + columns.length - 1) / columns.length), rows.length)
      layout = OverlapLayout(rows: rows, columns: columns, stripRows: self.stripRows)
      places = Array(repeating: nil, count: layout.pixels)
    }

    mutating func run() {
      let count = (rows.starts.count, columns.starts.count)
      for index in 0..<count.0 * count.1 {
        let (row, column) =
          layout.isColumnMajor ? (index % count.0, index / count.0) : (index / count.1, index % count.1)
        window(row, column)
      }
      flaws += places.count { $0 != nil }
    }

    private mutating func window(_ r: Int, _ c: Int) {
      let width = columns.length
      var start = 0
      for end in stride(from: stripRows * width, to: rows.length * width + stripRows * width, by: stripRows * width) {
        let end = end >= rows.length * width ? rows.length * width : end - ScanStageLayout.lag
        let pixels = (start..<end).map { (rows.starts[r] + $0 / width, columns.starts[c] + $0 % width) }
        for (row, column) in pixels where row >= rows.coveredFrom(r) || column >= columns.coveredFrom(c) {
          write(row, column, r, c)
        }
        for (row, column) in pixels
        where row < rows.coveredFrom(r) && column < columns.coveredFrom(c)
          && (row < rows.coveredBefore(r) || column < columns.coveredBefore(c))
        { read(row, column, r, c) }
        start = end
      }
    }

    private mutating func write(_ row: Int, _ column: Int, _ r: Int, _ c: Int) {
      let place = layout.place(row: row, column: column, rowIndex: r, columnIndex: c)
      let id = row * columns.size + column
      let isFirst = row >= rows.coveredBefore(r) && column >= columns.coveredBefore(c)
      guard places.indices.contains(place), places[place] == (isFirst ? nil : id) else { return flaws += 1 }
      places[place] = id
    }

    private mutating func read(_ row: Int, _ column: Int, _ r: Int, _ c: Int) {
      let place = layout.place(row: row, column: column, rowIndex: r, columnIndex: c)
      guard places.indices.contains(place), places[place] == row * columns.size + column else { return flaws += 1 }
      places[place] = nil
    }
  }

  @Test(arguments: [1, 2, 3, 5, 8, 12])
  func sumsAreKeptUntilTheLastWindow(side: Int) {
    for index in 0..<400 {
      // Strides without a common divisor go through sizes and strips in all combinations.
      let size = [5 + index * 17 % 61, 5 + index * 23 % 59]
      let strip = 1 + index % 5
      var walk = Walk(height: size[0], width: size[1], side: side, stripRows: strip)
      walk.run()
      #expect(walk.flaws == 0, "\(size[0])×\(size[1]), windows of \(side), strips of \(strip)")
    }
  }

  @Test(arguments: [(180, 320, 96, 8), (320, 180, 96, 8), (180, 320, 96, 24), (400, 400, 384, 2), (97, 300, 96, 5)])
  func mapsOfPictures(height: Int, width: Int, side: Int, strip: Int) {
    var walk = Walk(height: height, width: width, side: side, stripRows: strip)
    walk.run()
    #expect(walk.flaws == 0)
  }

  @Test func oneWindowSharesNothing() {
    let axis = WindowAxis(size: 64, side: 96)
    #expect(OverlapLayout(rows: axis, columns: axis, stripRows: 4).pixels == 0)
    let side = WindowAxis(size: 192, side: 96)
    #expect(OverlapLayout(rows: side, columns: side, stripRows: 4).pixels == 0)
  }
}
