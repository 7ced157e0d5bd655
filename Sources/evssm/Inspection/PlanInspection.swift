struct PlanInspection: Inspection {
  init(path: String, size: PictureSize) throws {}
  var json: JSONValue { nil }
  var lines: [String] { [] }
}
