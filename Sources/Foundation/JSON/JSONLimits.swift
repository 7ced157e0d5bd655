/// What a JSON text from outside may be at most. Memory is then O(text), and the stack is bounded.
package struct JSONLimits: Sendable, Hashable {
  /// Objects and arrays inside each other, values included: a scalar alone is one deep.
  package var maxDepth: Int
  /// Values in all; arrays of float32 count as one.
  package var maxValueCount: Int
  /// Characters of one number.
  package var maxNumberLength: Int

  package init(maxDepth: Int, maxValueCount: Int, maxNumberLength: Int) {
    self.maxDepth = maxDepth
    self.maxValueCount = maxValueCount
    self.maxNumberLength = maxNumberLength
  }
}
