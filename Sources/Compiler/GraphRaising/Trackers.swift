import GraphIR

/// What is known of the values of a primitive graph that show maps.
struct MapTracker {
  /// How a value shows its map: in which order, and with which axes joined.
  var views: [ValueID: MapView] = [:]
}

/// What is known of values that are linear in the 8×8 patches of a map: a spectral filter that is written out.
struct PatchTracker {
  var patches: [ValueID: PatchMap] = [:]
}

/// What is known of selective scans: those of a Scan or a Loop, and those that are written out position by position.
struct ScanTracker {
  /// Results of a Scan that are the states of all positions.
  var recurrences: [ValueID: Recurrence] = [:]
  /// Values at one position of a scan that is written out.
  var points: [ValueID: Field] = [:]
  /// Those of them that are states.
  var steps: [ValueID: ScanStep] = [:]
  /// Tensors into which the results of the first positions are written.
  var partial: [ValueID: PartialResult] = [:]
  /// Tensors from which positions are read, as fields; nil for those that are none.
  var wholeFields: [ValueID: Field?] = [:]
  var pointEvaluator = FieldEvaluator()
  /// Results of positions that were put together, in all.
  var positionsRead = 0
  /// Nodes that the field being looked for has led to.
  var fieldVisits = 0

  func isFollowed(_ value: ValueID) -> Bool { points[value] != nil || recurrences[value] != nil }
}
