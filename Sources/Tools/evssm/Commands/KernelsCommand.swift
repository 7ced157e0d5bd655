import ArgumentParser
import JSON
import PlanRuntime

/// `evssm kernels`: what this build and processor can run.
struct KernelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "kernels",
    abstract: "List the instruction sets of this processor and the kernels chosen.",
    discussion: """
      Every kernel exists once for each instruction set; a run uses one set throughout: the fastest that the processor \
      has, or the one that the environment variable EVSSM_ISA names.

        $ evssm kernels
        instruction set  available
        baseline         yes
        avx2             yes
        avx512           yes
        avx512bf16       yes        chosen
        neon             no

        processors  2
        kernels     gemm, rms_norm, layer_norm, depthwise_gelu, …
      """)

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let selected = try InstructionSet.selected()
    if json {
      try Console.output([
        "isa": .string(selected.rawValue),
        "best": .string(InstructionSet.best.rawValue),
        "available": JSONValue(InstructionSet.available.map(\.rawValue)),
        "kernels": JSONValue(InstructionSet.kernelNames),
        "processors": .integer(Workers.processorCount),
      ])
    } else {
      try Console.output(Self.lines(selected).joined(separator: "\n"))
    }
  }

  private static func lines(_ selected: InstructionSet) -> [String] {
    var table = TextTable([("instruction set", .left), ("available", .left), ("", .left)])
    for set in InstructionSet.allCases {
      table.append(set.rawValue, set.isAvailable ? "yes" : "no", set == selected ? "chosen" : "")
    }
    var facts = TextTable(.left, .left)
    facts.append("processors", String(Workers.processorCount))
    facts.append("kernels", InstructionSet.kernelNames.joined(separator: ", "))
    return table.lines() + [""] + facts.lines()
  }
}
