import Tensors

/// The sizes of a validated plan's maps and scratch memory for one size of picture, before they have a place.
struct PlanGeometry {
  struct Map: Hashable {
    var height: Int
    var width: Int
    var pitch: Int
  }

  let height: Int
  let width: Int
  /// By ``BufferID``.
  let maps: [Map]
  /// By step; multiples of 64.
  let scratchByteCounts: [Int]
  /// Of each thread's private memory; a multiple of a page.
  let threadScratchByteCount: Int
  private let lifetimes: [ClosedRange<Int>]

  /// Throws when the picture is out of the plan's range, or when a size contradicts what a step requires.
  init(_ plan: Plan, height: Int, width: Int) throws {
    guard plan.graph == nil || !plan.steps.isEmpty else {
      throw EVSSMError("plan.graph", "A plan of primitives is bound to tensors, not to a picture.", category: .usage)
    }
    try Self.checkPicture(plan, height: height, width: width)
    self.height = height
    self.width = width
    maps = try plan.mapSizes(height: height, width: width)
    lifetimes = try plan.lifetimes()
    let floats = try plan.scratchFloats(maps)
    scratchByteCounts = try floats.map { try Self.bytes($0.shared, roundedTo: MemoryPlanner.alignment) }
    threadScratchByteCount = try Self.bytes(floats.map(\.own).max() ?? 0, roundedTo: 4096)
  }

  /// Maps by ``BufferID``, then scratch memory by step.
  var regions: [MemoryRegion] {
    let buffers = zip(maps, lifetimes).map {
      MemoryRegion(byteCount: $0.byteCount, firstStep: $1.lowerBound, lastStep: $1.upperBound)
    }
    let scratch = scratchByteCounts.enumerated().map {
      MemoryRegion(byteCount: $0.element, firstStep: $0.offset, lastStep: $0.offset)
    }
    return buffers + scratch
  }

  private static func bytes(_ floats: Int, roundedTo alignment: Int) throws -> Int {
    let bytes = try Checked.multiply(floats, MemoryLayout<Float>.stride, "The scratch memory of a step")
    return try Checked.roundUp(bytes, to: alignment)
  }

  private static func checkPicture(_ plan: Plan, height: Int, width: Int) throws {
    let least = plan.model.minimumSide
    guard height >= least, width >= least else {
      throw EVSSMError(
        "picture.too-small",
        "The picture is \(height) × \(width); a side below \(least) is too small for this plan. Enlarge or pad the picture."
      )
    }
    try Limits.checkPicture(height: height, width: width)
  }
}

extension PlanGeometry.Map {
  /// Sides and pitch are bounded (2^15 · 2^15 · 2^14 · 4 bytes), so the product does not overflow.
  var byteCount: Int { height * width * pitch * MemoryLayout<Float>.stride }
}

extension Plan {
  /// Every buffer's size, with what each step requires of the sizes of its maps.
  func mapSizes(height: Int, width: Int) throws -> [PlanGeometry.Map] {
    let maps = try buffers.map { buffer in
      PlanGeometry.Map(
        height: try Self.side(buffer.height, height: height, width: width),
        width: try Self.side(buffer.width, height: height, width: width), pitch: buffer.pitch)
    }
    let padded = (height: try Checked.roundUp(height, to: 4), width: try Checked.roundUp(width, to: 4))
    for step in steps { try step.checkSizes(maps, padded: padded) }
    return maps
  }

  private static func side(_ expression: SizeExpression, height: Int, width: Int) throws -> Int {
    let side = try expression.evaluate(height: height, width: width)
    guard side >= PlanValidator.minMapSide else {
      throw EVSSMError(
        "plan.map-size",
        "For a picture of \(height) × \(width) a map has a side of \(side); the spectral filter's reflection needs "
          + "\(PlanValidator.minMapSide). Compile the plan again.")
    }
    try Limits.check(side, atMost: Limits.maxPictureSide, name: "max_picture_side", "A side of a map")
    return side
  }

  /// For each buffer the steps from its first write to its last use.
  func lifetimes() throws -> [ClosedRange<Int>] {
    var ranges = [ClosedRange<Int>?](repeating: nil, count: buffers.count)
    for (index, step) in steps.enumerated() {
      let requirements = try step.operation.requirements()
      for map in requirements.reads + requirements.writes {
        let first = ranges[map.buffer.rawValue]?.lowerBound ?? index
        ranges[map.buffer.rawValue] = first...index
      }
    }
    return try ranges.map { range in
      guard let range else { throw EVSSMError("plan.buffer-unused", "A buffer of the plan is used by no step.") }
      return range
    }
  }

  /// Floats of scratch memory that the threads share and that each needs for itself, by step.
  fileprivate func scratchFloats(_ maps: [PlanGeometry.Map]) throws -> [(shared: Int, own: Int)] {
    try steps.map { step in
      let requirements = try step.operation.requirements()
      let all = requirements.reads + requirements.writes
      let map = all.first { $0.role != .doubled }.map { maps[$0.buffer.rawValue] }
      let (height, width) = (map?.height ?? 0, map?.width ?? 0)
      return (
        try step.operation.scratchFloats(height: height, width: width),
        try step.operation.threadScratchFloats(height: height, width: width)
      )
    }
  }
}

extension Step {
  /// Throws `plan.size-role` unless the sizes of the operation's maps belong together as its requirements say.
  fileprivate func checkSizes(_ maps: [PlanGeometry.Map], padded: (height: Int, width: Int)) throws {
    let requirements = try operation.requirements()
    var base: (height: Int, width: Int)?
    for requirement in requirements.reads + requirements.writes {
      let map = maps[requirement.buffer.rawValue]
      let size = try Self.baseSize(map, requirement.role)
      let expected = requirement.role == .padded ? padded : base ?? size
      guard size == expected else {
        throw EVSSMError(
          "plan.size-role",
          "A map of the step has \(map.height) × \(map.width) pixels, which contradicts its other maps. Compile the plan again.",
          place: .init(node: name))
      }
      base = size
    }
  }

  /// The size that all `same` maps of the operation have, as this map tells it.
  private static func baseSize(_ map: PlanGeometry.Map, _ role: Requirements.Role) throws -> (height: Int, width: Int) {
    guard role == .doubled else { return (map.height, map.width) }
    // An odd size is no double of any; zero contradicts every map.
    guard map.height % 2 == 0, map.width % 2 == 0 else { return (0, 0) }
    return (map.height / 2, map.width / 2)
  }
}
