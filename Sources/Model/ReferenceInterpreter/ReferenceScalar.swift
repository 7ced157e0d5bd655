import COpenBLAS
import Foundation
import Tensors

/// A precision in which the interpreter evaluates: `Float` or `Double`.
package protocol ReferenceScalar: BinaryFloatingPoint, BitwiseCopyable, Sendable {
  /// Element type of tensors of this precision.
  static var dtype: DType { get }

  /// c += a · b for row-major a (rows × inner), b (inner × columns), c (rows × columns).
  static func accumulateProduct(
    rows: Int, columns: Int, inner: Int, _ a: UnsafePointer<Self>, _ b: UnsafePointer<Self>,
    _ c: UnsafeMutablePointer<Self>)

  /// y += factor · x, `count` elements.
  static func accumulate(_ count: Int, _ factor: Self, _ x: UnsafePointer<Self>, _ y: UnsafeMutablePointer<Self>)

  static func exp(_ x: Self) -> Self
  static func exp2(_ x: Self) -> Self
  static func erf(_ x: Self) -> Self
  /// log(1 + x)
  static func log1p(_ x: Self) -> Self
  /// The elements of a tensor in this precision.
  static func elements(of tensor: Tensor) -> [Self]
}

extension Float: ReferenceScalar {
  package static var dtype: DType { .float32 }

  package static func accumulateProduct(
    rows: Int, columns: Int, inner: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ c: UnsafeMutablePointer<Float>
  ) {
    let (m, n, k) = (blasint(rows), blasint(columns), blasint(inner))
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, b, n, 1, c, n)
  }

  package static func accumulate(
    _ count: Int, _ factor: Float, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>
  ) {
    cblas_saxpy(blasint(count), factor, x, 1, y, 1)
  }

  package static func exp(_ x: Float) -> Float { Foundation.exp(x) }
  package static func exp2(_ x: Float) -> Float { Foundation.exp2(x) }
  package static func erf(_ x: Float) -> Float { Foundation.erf(x) }
  package static func log1p(_ x: Float) -> Float { Foundation.log1p(x) }
  package static func elements(of tensor: Tensor) -> [Float] { tensor.floats() }
}

extension Double: ReferenceScalar {
  package static var dtype: DType { .float64 }

  package static func accumulateProduct(
    rows: Int, columns: Int, inner: Int, _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>,
    _ c: UnsafeMutablePointer<Double>
  ) {
    let (m, n, k) = (blasint(rows), blasint(columns), blasint(inner))
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, a, k, b, n, 1, c, n)
  }

  package static func accumulate(
    _ count: Int, _ factor: Double, _ x: UnsafePointer<Double>, _ y: UnsafeMutablePointer<Double>
  ) {
    cblas_daxpy(blasint(count), factor, x, 1, y, 1)
  }

  package static func exp(_ x: Double) -> Double { Foundation.exp(x) }
  package static func exp2(_ x: Double) -> Double { Foundation.exp2(x) }
  package static func erf(_ x: Double) -> Double { Foundation.erf(x) }
  package static func log1p(_ x: Double) -> Double { Foundation.log1p(x) }
  package static func elements(of tensor: Tensor) -> [Double] { tensor.doubles() }
}
