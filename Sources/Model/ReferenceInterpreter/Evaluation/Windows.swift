import GraphIR
import Tensors

extension Windows: Evaluable {
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func evaluate<Scalar: ReferenceScalar>(
    _ inputs: [ReferenceArray<Scalar>], _ context: EvaluationContext
  ) throws -> [ReferenceArray<Scalar>] {
    let (height, width) = (inputs[0].height, inputs[0].width)
    let interpreter = Interpreter<Scalar>(verified: body)
    var sums = context.shapes.map { ReferenceArray<Scalar>($0) }
    var cover = [Scalar](repeating: 0, count: height * width)
    for window in try WindowRectangle.windows(height: height, width: width, side: side, frame: frame) {
      let parts = inputs.map {
        $0.part(top: window.top, left: window.left, height: window.height, width: window.width)
      }
      let results = try interpreter.run(parts, sizes: [:], observer: nil)
      for i in sums.indices { sums[i].add(results[i], at: window) }
      for row in window.top..<window.top + window.height {
        for column in window.left..<window.left + window.width { cover[row * width + column] += 1 }
      }
    }
    for i in sums.indices {
      for j in sums[i].elements.indices { sums[i].elements[j] /= cover[j % cover.count] }
    }
    return sums
  }
}

extension ReferenceArray {
  fileprivate mutating func add(_ part: ReferenceArray, at window: WindowRectangle) {
    var from = 0
    for c in 0..<channels {
      for row in window.top..<window.top + window.height {
        let at = (c * height + row) * width + window.left
        for i in 0..<window.width { elements[at + i] += part.elements[from + i] }
        from += window.width
      }
    }
  }
}
