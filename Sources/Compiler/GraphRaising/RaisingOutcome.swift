/// What a rule made of a primitive.
enum RaisingOutcome {
  /// The views of the results, in order; nil for a result that another tracker than ``MapTracker`` follows.
  case raised([MapView?])
  /// The operands are not what the rule is about: the next rule for the operator is asked.
  case notApplicable

  /// One result, if there is a view of it.
  static func one(_ view: MapView?) -> RaisingOutcome { view.map { .raised([$0]) } ?? .notApplicable }
}
