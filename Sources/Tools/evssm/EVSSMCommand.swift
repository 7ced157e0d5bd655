import ArgumentParser

/// The root of the command-line tool.
struct EVSSMCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "evssm",
    abstract:
      "Restores blurred pictures with EVSSM networks: reads checkpoints, compiles them to plans, runs the plans.",
    discussion: """
      A checkpoint (.pth or .safetensors) is compiled once to a plan; the plan restores pictures.

        $ evssm compile deblurring.pth -o deblurring.plan --size 256x256
        $ evssm run deblurring.plan blurred.jpg -o sharp.png

      Results go to standard output, messages to standard error. Exit codes: 0 done, 64 wrong usage, 65 bad input, \
      66 no such input, 70 internal error, 74 input/output error.

      The environment variable EVSSM_ISA (baseline, avx2, avx512, avx512bf16, neon) forces an instruction set; `evssm kernels` \
      lists those of this processor.
      """,
    version: "0.2.0",
    subcommands: [
      InspectCommand.self, ConvertCommand.self, CompileCommand.self, RunCommand.self, EvalCommand.self,
      VerifyCommand.self, BenchCommand.self, KernelsCommand.self, DumpCommand.self,
    ])
}
