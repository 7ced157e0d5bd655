import JSON
import PictureRestoration
import PlanRuntime

extension RestorationOutcome {
  var json: JSONValue {
    [
      "input": .string(item.input),
      "output": error == nil ? .string(item.output) : nil,
      "comparison": error == nil ? JSONValue(item.comparison) : nil,
      "width": JSONValue(width),
      "height": JSONValue(height),
      "tiles": grid.map(Self.json) ?? nil,
      "seconds": JSONValue(seconds),
      "notes": JSONValue(notes),
      "error": error.map { ["code": .string($0.code.rawValue), "message": .string($0.description)] } ?? nil,
    ]
  }

  private static func json(_ grid: TileGrid) -> JSONValue {
    [
      "count": .integer(grid.count),
      "width": .integer(grid.tileWidth),
      "height": .integer(grid.tileHeight),
      "overlap": .integer(TileGrid.overlap),
    ]
  }
}
