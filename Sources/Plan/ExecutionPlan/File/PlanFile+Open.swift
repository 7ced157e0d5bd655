import Tensors

extension PlanFile {
  /// Opens and validates a plan file: all digests, the program, every binding and the certificate. The weights stay in
  /// the mapped file. Bindings of formats before 1.2 are left out: their sizes are placed when they are asked for.
  ///
  /// Throws typed errors for whatever the file holds, with the file as their place; nothing is run or written.
  /// - Parameters:
  ///   - trustedKey: an Ed25519 public key (32 bytes) that must have signed the plan; nil accepts unsigned plans and
  ///     any signature.
  /// - Complexity: O(file) for the digests, on all processors.
  public static func open(path: String, trustedKey: [UInt8]? = nil) throws -> LoadedPlan {
    do { return try load(MappedFile(path: path), trustedKey: trustedKey) } catch let error as EVSSMError {
      throw error.at(.init(file: path))
    }
  }

  private static func load(_ file: MappedFile, trustedKey: [UInt8]?) throws -> LoadedPlan {
    let table = try SectionTable(parsing: file.bytes)
    let content = try PlanSections(table, file.bytes)
    let digest = PlanDigest(table.sections)
    if let trustedKey { try PlanSignature.verify(content[.signature], of: digest, trustedKey: trustedKey) }
    let plan = try Plan(program: content.required(.program))
    let weights = try content.required(.weights)
    try PlanValidator.validate(plan, weightsByteCount: weights.count)
    return LoadedPlan(
      plan: plan, weightsStorage: TensorStorage(borrowing: weights, owner: file),
      bindings: table.hasUsableBindings ? try content[.bindings].map(plan.decodedBindings) ?? [] : [],
      certificate: try content[.certificate].map { try plan.checked(Certificate(section: $0)) }, digest: digest,
      fileByteCount: file.bytes.count, ignoredSections: content.ignored)
  }
}

/// The known sections' bytes, whose digests are right.
private struct PlanSections {
  private var bytes: [SectionKind: UnsafeRawBufferPointer] = [:]
  private(set) var ignored: [IgnoredSection] = []

  init(_ table: SectionTable, _ file: UnsafeRawBufferPointer) throws {
    for section in table.sections {
      let content = UnsafeRawBufferPointer(rebasing: file[section.offset..<section.offset + section.length])
      guard TreeDigest.digest(content) == section.digest else {
        throw SectionTable.error(
          "plan.digest-mismatch",
          "A section (kind \(section.kind)) is damaged: its digest differs. Copy or compile it again.",
          section.offset)
      }
      if let kind = SectionKind(rawValue: section.kind) {
        bytes[kind] = content
      } else {
        ignored.append(IgnoredSection(kind: section.kind, byteCount: section.length))
      }
    }
  }

  subscript(kind: SectionKind) -> UnsafeRawBufferPointer? { bytes[kind] }

  func required(_ kind: SectionKind) throws -> UnsafeRawBufferPointer {
    guard let content = bytes[kind] else {
      throw EVSSMError("plan.missing-section", "The plan has no \(kind) section. Compile it again.")
    }
    return content
  }
}

extension Plan {
  /// The certificate, if its probe is a picture that the plan runs.
  func checked(_ certificate: Certificate) throws -> Certificate {
    guard certificate.height >= model.minimumSide, certificate.width >= model.minimumSide else {
      throw Certificate.malformed("its probe picture is too small for the plan")
    }
    return certificate
  }
}
