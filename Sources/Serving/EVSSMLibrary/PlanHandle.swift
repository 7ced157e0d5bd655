import CEVSSM
import ExecutionPlan
import PlanRuntime
import Tensors

/// What an `evssm_plan` points to.
final class PlanHandle: @unchecked Sendable {
  // Unchecked: all members are constants; the text is written once, in init.
  let plan: LoadedPlan
  /// Zero-terminated text that `evssm_plan_inspect` hands out.
  let architecture: UnsafeMutablePointer<CChar>
  let windows: UnsafeMutablePointer<CChar>
  let digest: UnsafeMutablePointer<CChar>

  init(_ plan: LoadedPlan) {
    self.plan = plan
    architecture = Self.text(plan.plan.model.architecture)
    windows = Self.text(plan.plan.model.windows.rawValue)
    digest = Self.text(plan.digest?.description ?? "")
  }

  deinit {
    for text in [architecture, windows, digest] { text.deallocate() }
  }

  private static func text(_ string: String) -> UnsafeMutablePointer<CChar> {
    let bytes = Array(string.utf8)
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count + 1)
    for (i, byte) in bytes.enumerated() { copy[i] = CChar(bitPattern: byte) }
    copy[bytes.count] = 0
    return copy
  }

  /// Throws `library.argument` for NULL.
  static func at(_ pointer: OpaquePointer?) throws -> PlanHandle {
    guard let pointer else { throw EVSSMError.missing("plan") }
    return Unmanaged<PlanHandle>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
  }

  var info: evssm_plan_info {
    let model = plan.plan.model
    return evssm_plan_info(
      struct_size: MemoryLayout<evssm_plan_info>.size, architecture: architecture, windows: windows, digest: digest,
      parameter_count: UInt64(model.parameterCount), weights_bytes: UInt64(plan.weights.count),
      minimum_side: Int64(model.minimumSide), maximum_side: Int64(Limits.maxPictureSide),
      maximum_pixels: Int64(Limits.maxPicturePixels))
  }

  /// Bytes of feature maps and scratch memory for pictures of this size.
  func memory(height: Int64, width: Int64, threads: Int) throws -> Int {
    try PlanSession.memoryByteCount(
      plan.binding(height: Self.side(height), width: Self.side(width)), threads: threads)
  }

  static func side(_ value: Int64) throws -> Int {
    guard let side = Int(exactly: value), side > 0 else {
      throw EVSSMError("library.size", "A picture's side is \(value); it must be positive.", category: .usage)
    }
    return side
  }
}

/// `evssm_abi_version` of evssm.h.
@_cdecl("evssm_abi_version")
public func evssmABIVersion() -> UInt32 { UInt32(EVSSM_ABI_VERSION) }

/// `evssm_plan_open` of evssm.h.
@_cdecl("evssm_plan_open")
public func evssmPlanOpen(
  _ path: UnsafePointer<CChar>?, _ options: UnsafePointer<evssm_plan_options>?,
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<evssm_error>?
) -> evssm_status {
  reporting(error) {
    guard let out else { throw EVSSMError.missing("plan") }
    out.pointee = nil
    guard let path else { throw EVSSMError.missing("path") }
    let key = try evssm_plan_options.read(options).trusted_key.map { Array(UnsafeBufferPointer(start: $0, count: 32)) }
    let handle = PlanHandle(try PlanFile.open(path: String(cString: path), trustedKey: key))
    out.pointee = OpaquePointer(Unmanaged.passRetained(handle).toOpaque())
  }
}

/// `evssm_plan_close` of evssm.h.
@_cdecl("evssm_plan_close")
public func evssmPlanClose(_ plan: OpaquePointer?) {
  guard let plan else { return }
  Unmanaged<PlanHandle>.fromOpaque(UnsafeRawPointer(plan)).release()
}

/// `evssm_plan_inspect` of evssm.h.
@_cdecl("evssm_plan_inspect")
public func evssmPlanInspect(
  _ plan: OpaquePointer?, _ info: UnsafeMutablePointer<evssm_plan_info>?, _ error: UnsafeMutablePointer<evssm_error>?
) -> evssm_status {
  reporting(error) {
    guard let info else { throw EVSSMError.missing("info") }
    var facts = try PlanHandle.at(plan).info
    let size = info.pointee.struct_size
    guard size >= MemoryLayout<Int>.size else {
      throw EVSSMError(
        "library.struct-size", "The member struct_size is \(size); set it to sizeof the structure.", category: .usage)
    }
    facts.struct_size = min(size, MemoryLayout<evssm_plan_info>.size)
    let count = facts.struct_size
    withUnsafeBytes(of: &facts) { bytes in
      UnsafeMutableRawBufferPointer(start: info, count: count).copyMemory(from: .init(rebasing: bytes[..<count]))
    }
  }
}

/// `evssm_plan_memory` of evssm.h.
@_cdecl("evssm_plan_memory")
public func evssmPlanMemory(
  _ plan: OpaquePointer?, _ height: Int64, _ width: Int64, _ threads: Int32, _ bytes: UnsafeMutablePointer<UInt64>?,
  _ error: UnsafeMutablePointer<evssm_error>?
) -> evssm_status {
  reporting(error) {
    guard let bytes else { throw EVSSMError.missing("bytes") }
    var options = evssm_session_options()
    options.threads = threads
    bytes.pointee = UInt64(
      try PlanHandle.at(plan).memory(height: height, width: width, threads: options.threadCount()))
  }
}
