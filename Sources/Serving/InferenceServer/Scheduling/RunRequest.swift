/// A picture to restore and how urgent it is.
package struct RunRequest: Sendable {
  package var model: ServedModel
  package var height: Int
  package var width: Int
  /// Planar float32 (3, height, width).
  package var planes: [Float]

  package init(model: ServedModel, height: Int, width: Int, planes: [Float]) {
    self.model = model
    self.height = height
    self.width = width
    self.planes = planes
  }
}

/// A restored picture.
package struct RunResult: Sendable {
  /// Planar float32 (3, height, width), not clamped.
  package var planes: [Float]
  /// Nanoseconds between the submission and the start of the run.
  package var queueTime: UInt64
  /// Nanoseconds of the run.
  package var inferTime: UInt64
}

/// How urgent a request is.
package struct Urgency: Sendable, Hashable {
  /// 1 is the most urgent; 0 stands for ``standardPriority``.
  package var priority: UInt64
  /// In nanoseconds of the monotonic clock; nil for none.
  package var deadline: UInt64?

  static let standardPriority: UInt64 = 100

  package init(priority: UInt64 = 0, deadline: UInt64? = nil) {
    self.priority = priority
    self.deadline = deadline
  }
}
