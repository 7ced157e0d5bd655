import Tensors

extension PlanFile {
  /// Writes a plan file: to a temporary file beside `path`, then renamed, so that `path` is never half written.
  ///
  /// The same arguments give the same bytes. Memory: one constant at a time.
  /// - Parameters:
  ///   - constant: the bytes of a constant, as many as its description says; called once each, in order.
  ///   - signingKey: an Ed25519 private key of 32 bytes.
  /// - Returns: the digest that ``open(path:trustedKey:)`` will report.
  @discardableResult
  package static func write(
    _ plan: Plan, bindings: [BoundPlan] = [], certificate: Certificate? = nil, to path: String,
    signingKey: [UInt8]? = nil, constant: (ConstantID) throws -> [UInt8]
  ) throws -> PlanDigest {
    let weightsByteCount = try plan.weightsByteCount()
    try PlanValidator.validate(plan, weightsByteCount: weightsByteCount)
    try Limits.check(bindings.count, atMost: Limits.maxPlanBindings, name: "max_plan_bindings", "The count of bindings")
    var messages: [(kind: SectionKind, bytes: [UInt8])] = [(.program, plan.encoded())]
    if let certificate { messages.append((.certificate, try plan.checked(certificate).encoded())) }
    if !bindings.isEmpty { messages.append((.bindings, Plan.encoded(bindings))) }
    let layout = try PlanFileLayout(messages, weightsByteCount: weightsByteCount, isSigned: signingKey != nil)
    let file = try OutputFile(path)
    try file.setLength(layout.byteCount)
    for (message, offset) in zip(messages, layout.messageOffsets) { try file.write(message.bytes, at: offset) }
    for (index, description) in plan.constants.enumerated() {
      let bytes = try constant(ConstantID(rawValue: index))
      guard try bytes.count == description.byteCount() else {
        throw EVSSMError(
          "plan.constant-count", "\(bytes.count) bytes were given for a constant of \(description.count) values.",
          category: .internal, place: .init(node: description.name))
      }
      try file.write(bytes, at: layout.weightsOffset + description.byteOffset)
    }
    let digest = try layout.finish(file, signingKey: signingKey)
    try file.commit()
    return digest
  }

  /// Writes a plan whose weights lie in memory.
  @discardableResult
  package static func write(
    _ loaded: LoadedPlan, bindings: [BoundPlan]? = nil, certificate: Certificate? = nil, to path: String,
    signingKey: [UInt8]? = nil
  ) throws -> PlanDigest {
    try write(
      loaded.plan, bindings: bindings ?? loaded.bindings, certificate: certificate ?? loaded.certificate, to: path,
      signingKey: signingKey
    ) { id in
      let constant = loaded.plan.constants[id.rawValue]
      return Array(loaded.weights[constant.byteOffset..<constant.byteOffset + (try constant.byteCount())])
    }
  }
}

extension Plan {
  /// The end of the last constant.
  func weightsByteCount() throws -> Int {
    try constants.reduce(0) { max($0, try Checked.add($1.byteOffset, $1.byteCount())) }
  }
}

/// Where the sections of a file to be written lie: messages, then weights, then the signature.
private struct PlanFileLayout {
  private var sections: [SectionEntry] = []
  private(set) var byteCount: Int
  let messageOffsets: [Int]
  let weightsOffset: Int

  init(_ messages: [(kind: SectionKind, bytes: [UInt8])], weightsByteCount: Int, isSigned: Bool) throws {
    let lengths =
      messages.map { ($0.kind, $0.bytes.count) } + [(.weights, weightsByteCount)]
      + (isSigned ? [(.signature, PlanSignature.byteCount)] : [])
    byteCount = SectionTable.byteCount(sections: lengths.count)
    for (kind, length) in lengths {
      let offset = try Checked.roundUp(byteCount, to: kind.alignment)
      sections.append(SectionEntry(kind: kind.rawValue, offset: offset, length: length, digest: []))
      byteCount = try Checked.add(offset, length)
    }
    messageOffsets = sections.prefix(messages.count).map(\.offset)
    weightsOffset = sections[messages.count].offset
    try Limits.check(byteCount, atMost: Limits.maxFileBytes, name: "max_file", "The plan file's length")
  }

  /// Digests of what was written, the signature, and the header.
  func finish(_ file: borrowing OutputFile, signingKey: [UInt8]?) throws -> PlanDigest {
    var sections = sections
    try digest(&sections, 0..<messageOffsets.count + 1, of: file)
    let digest = PlanDigest(sections)
    if let signingKey {
      try file.write(PlanSignature.sign(digest, with: signingKey), at: sections[sections.count - 1].offset)
      try self.digest(&sections, sections.count - 1..<sections.count, of: file)
    }
    try file.write(SectionTable(sections: sections, fileByteCount: byteCount).encoded(), at: 0)
    return digest
  }

  /// Fills in the digests of the sections in `range` from their bytes in the file.
  private func digest(
    _ sections: inout [SectionEntry], _ range: Range<Int>, of file: borrowing OutputFile
  ) throws {
    try file.withWrittenBytes(count: byteCount) { bytes in
      for index in range {
        let (offset, length) = (sections[index].offset, sections[index].length)
        sections[index].digest = TreeDigest.digest(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + length]))
      }
    }
  }
}
