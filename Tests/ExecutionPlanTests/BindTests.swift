import Tensors
import Testing

@testable import ExecutionPlan

@Suite struct BindTests {
  @Test func sizesFollowThePicture() throws {
    let plan = try SyntheticPlan.evssm().plan
    let bound = try plan.bind(height: 45, width: 70)
    #expect((bound.height, bound.width) == (45, 70))
    #expect((bound.buffers[0].height, bound.buffers[0].width, bound.buffers[0].pitch) == (48, 72, 16))
    #expect(
      Set(bound.buffers.map { [$0.height, $0.width, $0.pitch] }) == [[48, 72, 16], [24, 36, 32], [12, 18, 64]])
    #expect(bound.scratchByteOffsets.count == plan.steps.count)
    for (buffer, offset) in zip(bound.buffers, bound.placement.offsets) {
      #expect(buffer.byteOffset % 64 == 0 && offset == buffer.byteOffset)
      #expect(buffer.byteOffset + buffer.byteCount <= bound.arenaByteCount)
    }
  }

  @Test(arguments: [false, true])
  func scratchIsLiveOnlyInItsStep(inPlace: Bool) throws {
    let plan = try SyntheticPlan.evssm(inPlace: inPlace).plan
    let bound = try plan.bind(height: 64, width: 300)
    for (index, step) in plan.steps.enumerated() {
      let requirements = try step.operation.requirements()
      guard bound.scratchByteCounts[index] > 0 else { continue }
      let start = bound.scratchByteOffsets[index]
      let end = start + bound.scratchByteCounts[index]
      #expect(start % 64 == 0 && end <= bound.arenaByteCount)
      for map in requirements.reads + requirements.writes {
        let buffer = bound.buffers[map.buffer.rawValue]
        #expect(end <= buffer.byteOffset || buffer.byteOffset + buffer.byteCount <= start)
      }
    }
    #expect(bound.scratchByteCounts.contains { $0 > 0 })
  }

  @Test func stagesInPlaceTakeLessMemory() throws {
    let (apart, inPlace) = (try SyntheticPlan.evssm().plan, try SyntheticPlan.evssm(inPlace: true).plan)
    for (height, width) in [(64, 64), (360, 640)] {
      let before = try apart.bind(height: height, width: width)
      let after = try inPlace.bind(height: height, width: width)
      #expect(after.totalByteCount < before.totalByteCount)
      #expect(after.arenaByteCount <= before.arenaByteCount)
    }
  }

  @Test(arguments: [false, true])
  func bindingIsDeterministic(inPlace: Bool) throws {
    let plan = try SyntheticPlan.evssm(blocks: [2, 1, 3], inPlace: inPlace).plan
    let first = try plan.bind(height: 51, width: 300)
    #expect(try plan.bind(height: 51, width: 300) == first)
    #expect(try plan.bind(height: 51, width: 300, placement: first.placement) == first)
  }

  @Test func smallPicturesAreRefusedWithBothNumbers() throws {
    let plan = try SyntheticPlan.evssm().plan
    for (height, width) in [(19, 64), (64, 19), (0, 0), (-1, 64), (Int.min, 20)] {
      expectError("picture.too-small") { _ = try plan.bind(height: height, width: width) }
    }
    do {
      _ = try plan.bind(height: 19, width: 64)
    } catch let error as EVSSMError {
      #expect(error.message.contains("19") && error.message.contains("20"))
    }
    _ = try plan.bind(height: 20, width: 20)
  }

  @Test func largePicturesAreRefusedByNamedLimits() throws {
    let plan = try SyntheticPlan.evssm().plan
    expectError("limit.exceeded", limit: "max_picture_side") { _ = try plan.bind(height: 32_769, width: 64) }
    expectError("limit.exceeded", limit: "max_picture_side") { _ = try plan.bind(height: .max, width: .max) }
    expectError("limit.exceeded", limit: "max_picture_pixels") { _ = try plan.bind(height: 32_768, width: 2049) }
    let wide = try SyntheticPlan.evssm(dim: 512).plan
    expectError("limit.exceeded", limit: "max_arena_bytes") { _ = try wide.bind(height: 8192, width: 8192) }
    _ = try plan.bind(height: 32_768, width: 2048)
  }

  // L10, L11
  @Test(arguments: [false, true])
  func storedPlacementsAreProven(inPlace: Bool) throws {
    let plan = try SyntheticPlan.evssm(inPlace: inPlace).plan
    let good = try plan.bind(height: 40, width: 56).placement
    let bind = { (placement: MemoryPlacement) in _ = try plan.bind(height: 40, width: 56, placement: placement) }
    var small = good
    small.byteCount -= 64
    expectError("plan.arena-bounds") { try bind(small) }
    var overlapping = good
    overlapping.offsets[1] = overlapping.offsets[0]
    expectError("plan.arena-overlap") { try bind(overlapping) }
    var short = good
    short.offsets.removeLast()
    expectError("plan.arena-bounds") { try bind(short) }
    var huge = good
    huge.byteCount = .max
    expectError("limit.exceeded", limit: "max_arena_bytes") { try bind(huge) }
  }
}
