import CEVSSM
import PlanRuntime
import Tensors

/// A structure that a caller compiled with this or another version of the header passes by its size.
///
/// What lies beyond the caller's size is taken as zero, which every member has as its default.
protocol SizedStructure {
  init()
  var struct_size: Int { get }
}

extension evssm_plan_options: SizedStructure {}
extension evssm_session_options: SizedStructure {}
extension evssm_run_options: SizedStructure {}

extension SizedStructure {
  /// The caller's structure, completed by defaults. Throws `library.struct-size` when its size was not set.
  static func read(_ pointer: UnsafePointer<Self>?) throws -> Self {
    var value = Self()
    guard let pointer else { return value }
    let size = UnsafeRawPointer(pointer).loadUnaligned(as: Int.self)
    guard size >= MemoryLayout<Int>.size, size <= 4096 else {
      throw EVSSMError(
        "library.struct-size", "The member struct_size is \(size); set it to sizeof the structure.", category: .usage)
    }
    withUnsafeMutableBytes(of: &value) { target in
      target.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: min(size, target.count)))
    }
    return value
  }
}

extension evssm_session_options {
  /// Throws `library.threads` for a negative number.
  func threadCount() throws -> Int {
    guard threads >= 0 else {
      throw EVSSMError(
        "library.threads", "\(threads) threads were asked for; give 1 to 256, or 0 for one a processor.",
        category: .usage)
    }
    return threads == 0 ? Workers.processorCount : Int(threads)
  }

  /// Throws `runtime.isa` for a set that this processor lacks.
  func instructionSet() throws -> InstructionSet? {
    guard let instruction_set, instruction_set.pointee != 0 else { return nil }
    let name = String(cString: instruction_set)
    guard let set = InstructionSet(rawValue: name), set.isAvailable else {
      let names = InstructionSet.available.map(\.rawValue).joined(separator: ", ")
      throw EVSSMError(
        "runtime.isa", "\(EVSSMError.escaped(name)) cannot run here; this processor has \(names).", category: .usage)
    }
    return set
  }
}
