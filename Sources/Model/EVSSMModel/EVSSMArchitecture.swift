import GraphIR
import Tensors

/// The hyper-parameters of an EVSSM network (arXiv 2405.14343); all of them follow from a checkpoint's shapes.
package struct EVSSMArchitecture: Sendable, Hashable {
  /// Channels at level 1; twice and four times as many at levels 2 and 3.
  package var dim: Int
  /// Blocks at levels 1, 2, 3, the same in encoder and decoder.
  package var blocks: [Int]
  /// Hidden channels e of the feed-forward stages at levels 1, 2, 3.
  package var hidden: [Int]
  /// Rank r of the time step at levels 1, 2, 3.
  package var rank: [Int]
  /// Sides of the kernels of the two convolutions on the way down.
  package var downKernels: [Int]
  /// Sides of the kernels of the two convolutions on the way up, from level 3 to 2 and from 2 to 1.
  package var upKernels: [Int]

  /// States of the scan.
  package static let states = NetworkSizes.states
  /// Taps of the convolution along the scan.
  package static let taps = NetworkSizes.taps
  /// Window sides at levels 1, 2, 3 of the released network.
  package static let releasedWindowSides = NetworkSizes.releasedWindowSides
  /// The smallest height and width of a picture: a quarter of it must be larger than its pad to a multiple of 8.
  package static let minimumSide = NetworkSizes.minimumSide

  package init(
    dim: Int, blocks: [Int], hidden: [Int], rank: [Int], downKernels: [Int] = [3, 3], upKernels: [Int] = [3, 3]
  ) {
    self.dim = dim
    self.blocks = blocks
    self.hidden = hidden
    self.rank = rank
    self.downKernels = downKernels
    self.upKernels = upKernels
  }

  /// The authors' network: dim 48, blocks 6, 6, 12, expansion 3.
  package static let official = EVSSMArchitecture(
    dim: 48, blocks: [6, 6, 12], hidden: [144, 288, 576], rank: [3, 6, 12])

  /// Throws `evssm.architecture` when a list has the wrong length or a size is not positive, and `limit.exceeded`.
  package func validate() throws {
    let lists = [(blocks, 3), (hidden, 3), (rank, 3), (downKernels, 2), (upKernels, 2)]
    guard dim > 0, lists.allSatisfy({ list, count in list.count == count && list.allSatisfy { $0 > 0 } }) else {
      throw EVSSMError(
        "evssm.architecture", "An EVSSM network has three levels and positive sizes; this is \(self).", category: .usage
      )
    }
    try Limits.check(dim, atMost: Limits.maxDim, name: "max_dim", "The number of channels (dim)")
    for count in blocks {
      try Limits.check(count, atMost: Limits.maxBlocks, name: "max_blocks", "The number of blocks")
    }
    for size in hidden {
      try Limits.check(size, atMost: Limits.maxHidden, name: "max_hidden", "The number of hidden channels")
    }
    for size in rank { try Limits.check(size, atMost: Limits.maxDim, name: "max_dim", "The rank of the time step") }
    for side in downKernels + upKernels {
      try Limits.check(side, atMost: Limits.maxKernelSide, name: "max_kernel_side", "The side of a kernel")
    }
  }

  /// Channels at `level` (0, 1, 2).
  package func channels(_ level: Int) -> Int { dim << level }

  /// Inner channels d of the scan stage at `level`.
  package func inner(_ level: Int) -> Int { 2 * channels(level) }

  /// The stages in the order of the computation: name, level and number of blocks.
  package var stages: [(name: String, level: Int)] {
    [
      ("encoder_level1", 0), ("encoder_level2", 1), ("encoder_level3", 2), ("decoder_level3", 2),
      ("decoder_level2", 1), ("decoder_level1", 0),
    ]
  }
}

extension Limits {
  /// Channels at level 1 of an EVSSM network.
  package static let maxDim = 4096
  /// Blocks in one level of an EVSSM network.
  package static let maxBlocks = 256
  /// Hidden channels of a feed-forward stage.
  package static let maxHidden = 1 << 17
  /// Side of a resampling convolution's kernel.
  package static let maxKernelSide = 15
  /// Lines of a list of differences between a checkpoint and a network.
  package static let maxDifferenceLines = 2000
}
