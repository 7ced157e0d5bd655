/// A picture to restore and how urgent it is.
public struct RunRequest: Sendable {
  public var model: ServedModel
  public var height: Int
  public var width: Int
  /// Planar float32 (3, height, width).
  public var planes: [Float]

  public init(model: ServedModel, height: Int, width: Int, planes: [Float]) {
    self.model = model
    self.height = height
    self.width = width
    self.planes = planes
  }
}

/// A restored picture.
public struct RunResult: Sendable {
  /// Planar float32 (3, height, width), not clamped.
  public var planes: [Float]
  /// Nanoseconds between the submission and the start of the run.
  public var queueTime: UInt64
  /// Nanoseconds of the run.
  public var inferTime: UInt64
}

/// How urgent a request is.
public struct Urgency: Sendable, Hashable {
  /// 1 is the most urgent; 0 stands for ``standardPriority``.
  public var priority: UInt64
  /// In nanoseconds of the monotonic clock; nil for none.
  public var deadline: UInt64?

  static let standardPriority: UInt64 = 100

  public init(priority: UInt64 = 0, deadline: UInt64? = nil) {
    self.priority = priority
    self.deadline = deadline
  }
}
